// The numbers of one update in a backend's memory.
#pragma once

#include "kernels/backend.hpp"

namespace ntpgeo {

class NumbersOn {
  public:
    NumbersOn(Backend& backend, const UpdateNumbers& numbers)
        : backend_(backend), array_(backend, static_cast<std::int64_t>(sizeof numbers)) {
        backend.upload(&numbers, array_.data(), array_.bytes());
    }
    [[nodiscard]] UpdateNumbers* get() const { return array_.as<UpdateNumbers>(); }
    [[nodiscard]] UpdateNumbers read() const {
        return download_array<UpdateNumbers>(backend_, array_.data(), 1)[0];
    }

  private:
    Backend& backend_;
    Array array_;
};

}  // namespace ntpgeo
