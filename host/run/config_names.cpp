#include "host/run/config_names.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>
#include <vector>

#include "host/files/file_error.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

template <class T>
using Names = std::vector<std::pair<std::string_view, T>>;

const Names<OptimizerKind> optimizers{{"gd", OptimizerKind::gd},       {"momentum", OptimizerKind::momentum},
                                      {"ngd", OptimizerKind::ngd},     {"adam", OptimizerKind::adam},
                                      {"adamw", OptimizerKind::adamw}, {"lbfgs", OptimizerKind::lbfgs}};
const Names<RateSchedule> schedules{{"constant", RateSchedule::constant},
                                    {"cosine", RateSchedule::cosine},
                                    {"inverse-sqrt", RateSchedule::inverse_sqrt}};
const Names<Precision> precisions{{"bf16", Precision::bf16},
                                  {"bf16x3", Precision::bf16x3},
                                  {"tf32", Precision::tf32},
                                  {"fp32", Precision::fp32},
                                  {"fp64", Precision::fp64}};
const Names<Frozen> factors{
    {"words", Frozen::words}, {"contexts", Frozen::contexts}, {"none", Frozen::nothing}};
const Names<LossKernel> kernels{
    {"auto", LossKernel::automatic}, {"plain", LossKernel::plain}, {"epilogue", LossKernel::epilogue}};
const Names<Real> masters{{"fp32", Real::fp32}, {"fp64", Real::fp64}};
const Names<bool> metrics_precisions{{"fp64", true}, {"same", false}};

template <class T>
std::string name_in(const Names<T>& names, T value) {
    for (const auto& [name, known] : names)
        if (known == value) return std::string(name);
    return "unnamed";
}

template <class T>
T parse_in(const Names<T>& names, const char* what, const std::string& text) {
    std::string list;
    for (const auto& [name, value] : names) {
        if (name == text) return value;
        list += (list.empty() ? "" : ", ") + std::string(name);
    }
    throw InputError(
        fmt::format("{}: '{}' is unknown; use {}", what, printable(std::string_view(text)), list));
}

}  // namespace

std::string name_of(OptimizerKind kind) {
    return name_in(optimizers, kind);
}
std::string name_of(RateSchedule schedule) {
    return name_in(schedules, schedule);
}
std::string name_of(Precision precision) {
    return name_in(precisions, precision);
}
std::string name_of(Frozen frozen) {
    return name_in(factors, frozen);
}
std::string name_of(LossKernel kernel) {
    return name_in(kernels, kernel);
}
std::string name_of(Real real) {
    return name_in(masters, real);
}

OptimizerKind parse_optimizer(const std::string& name) {
    return parse_in(optimizers, "optimizer", name);
}
RateSchedule parse_schedule(const std::string& name) {
    return parse_in(schedules, "lr-schedule", name);
}
Precision parse_precision(const std::string& name) {
    return parse_in(precisions, "precision", name);
}
Frozen parse_frozen(const std::string& name) {
    return parse_in(factors, "freeze", name);
}
LossKernel parse_kernel(const std::string& name) {
    return parse_in(kernels, "kernel", name);
}
Real parse_master(const std::string& name) {
    return parse_in(masters, "master", name);
}
bool parse_metrics_precision(const std::string& name) {
    return parse_in(metrics_precisions, "metrics-precision", name);
}

}  // namespace ntpgeo
