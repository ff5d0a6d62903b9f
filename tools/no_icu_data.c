/* An ICU data library without data, as ICU itself builds one to bootstrap: character properties and case folding, which is
 * all that ntpgeo asks for, are compiled into libicuuc. It takes the place of 30 MB in a bundle and
 * in a wheel. */
#include <unicode/udata.h>
#include <unicode/utypes.h>

struct {
    uint16_t header_size;
    uint8_t magic1, magic2;
    UDataInfo info;
    char padding[8];
    uint32_t entries, reserved;
} const U_ICUDATA_ENTRY_POINT = {
    32, 0xda, 0x27, /* the header's size and what marks it */
    {sizeof(UDataInfo), 0, U_IS_BIG_ENDIAN, U_CHARSET_FAMILY, sizeof(UChar), 0, {'T', 'o', 'C', 'P'}, {1, 0, 0, 0}, {0}},
    {0},
    0, 0 /* a table of contents of nothing */
};
