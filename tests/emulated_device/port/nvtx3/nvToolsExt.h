// The vendor's NVTX header on the emulated device, where ranges are the regions that requests are counted by
// (counts.hpp). The include path finds it before the toolkit's.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/// Both return the level of the range that begins or ends, from 0 on, as the vendor's do.
int nvtxRangePushA(const char* message);
int nvtxRangePop(void);

#ifdef __cplusplus
}
#endif
