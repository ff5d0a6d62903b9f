// Arrays that somebody else made and that need not fit into memory: a .npy file or a tensor of a safetensors
// file, read a stretch at a time.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "host/files/input_file.hpp"

namespace ntpgeo {

/// F.npy, whose tensor is "", or F.safetensors:NAME.
struct ArrayName {
    std::string file, tensor;
};

/// Takes an argument of the command line apart. Throws InputError where it has neither form (of a safetensors
/// file without NAME, with the names that it has): "'ARGUMENT' names no WHAT; …".
ArrayName array_name(const std::string& argument, const std::string& what);

/// An opened array of whole numbers of any width or of floating-point numbers, row-major.
class StoredArray {
  public:
    /// `shape_in_words` says what shape is right: "[m, k]". Throws InputError where there is no such array,
    /// it has another number of dimensions than `dimensions`, an order or a dtype that cannot be read, or its
    /// bytes are not all there.
    StoredArray(const ArrayName& array, std::size_t dimensions, const std::string& shape_in_words);

    /// As messages name it: "F.npy", or "F.safetensors: tensor 'NAME'".
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] const std::vector<std::int64_t>& shape() const { return shape_; }

    /// Throw InputError naming the array where its numbers are not of this kind.
    void require_whole_numbers() const;
    void require_floats() const;

    /// Fills `target` with the entries from number `begin` on, of an array of this kind, exactly. A whole
    /// number above 2⁶³ − 1 is refused.
    void read(std::int64_t begin, std::span<std::int64_t> target) const;
    void read(std::int64_t begin, std::span<double> target) const;

    /// Of a floating-point number that was rounded to its dtype, relative.
    [[nodiscard]] double roundoff() const;

  private:
    enum class Kind { signed_whole, unsigned_whole, ieee, bfloat };

    void open_npy();
    void open_tensor(const ArrayName& array);
    void take_dtype(const std::string& kind, std::size_t bytes);
    [[noreturn]] void refuse(const std::string& right) const;

    InputFile file_;
    std::string name_, dtype_;
    std::vector<std::int64_t> shape_;
    std::uint64_t offset_ = 0;
    Kind kind_ = Kind::ieee;
    std::size_t bytes_ = 0;  ///< of one number
    std::endian order_ = std::endian::little;
    bool fortran_order_ = false;
};

}  // namespace ntpgeo
