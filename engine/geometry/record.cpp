#include "engine/geometry/record.hpp"

#include <algorithm>
#include <stdexcept>

#include "engine/geometry/figure_table.hpp"

namespace ntpgeo {
namespace {

RecordValue value_of(double value) {
    return value;
}
RecordValue value_of(const std::string& value) {
    return value;
}
RecordValue value_of(const std::vector<double>& values) {
    return values;
}
template <class T>
RecordValue value_of(const std::optional<T>& value) {
    return value ? RecordValue(*value) : RecordValue();
}

/// A text, or null where it is empty.
RecordValue text_or_null(const std::string& text) {
    return text.empty() ? RecordValue() : RecordValue(text);
}

/// Writes the record of one verb, and holds it to the table.
class RecordWriter {
  public:
    explicit RecordWriter(Verb verb) : verb_(verb) {}

    void add(std::string_view key, RecordValue value) {
        if ((record_key(key).verbs & verb_) == 0) refuse(key, "which the verb does not write");
        if (record_.find(key) != nullptr) refuse(key, "which it has already");
        record_.add(key, std::move(value));
    }

    /// Every measured key.
    void add(const Figures& figures) {
        for (const RecordKey& key : record_keys()) {
            const auto value = [&](const auto& member) -> RecordValue {
                if constexpr (std::is_same_v<decltype(member), const std::monostate&>)
                    return {};
                else
                    return value_of(figures.*member);
            };
            if (key.member.index() != 0) add(key.name, std::visit(value, key.member));
        }
    }

    Record finish() {
        for (const RecordKey& key : record_keys())
            if ((key.verbs & verb_) != 0 && record_.find(key.name) == nullptr)
                refuse(key.name, "which it lacks");
        return std::move(record_);
    }

  private:
    [[noreturn]] static void refuse(std::string_view key, const char* why) {
        throw std::logic_error("a record and the key \"" + std::string(key) + "\" of the table of figures, " +
                               why);
    }

    Verb verb_;
    Record record_;
};

}  // namespace

const RecordValue* Record::find(std::string_view key) const {
    const auto found =
        std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.key == key; });
    return found == entries_.end() ? nullptr : &found->value;
}

std::optional<std::int64_t> Record::integer(std::string_view key) const {
    const RecordValue* value = find(record_key(key).name);
    const auto* integer = value == nullptr ? nullptr : std::get_if<std::int64_t>(value);
    return integer == nullptr ? std::nullopt : std::optional(*integer);
}

std::optional<double> Record::number(std::string_view key) const {
    if (const auto whole = integer(key)) return static_cast<double>(*whole);
    const RecordValue* value = find(key);
    const auto* number = value == nullptr ? nullptr : std::get_if<double>(value);
    return number == nullptr ? std::nullopt : std::optional(*number);
}

Record training_record(const RecordContext& context, const Figures& figures) {
    RecordWriter record(train_verb);
    record.add("step", context.step);
    record.add("time_s", context.time_s);
    record.add("step_s", value_of(context.step_s));
    record.add("lambda", context.lambda);
    record.add(figures);
    record.add("relative_gap", value_of(context.relative_gap));
    record.add("gap_kind", context.relative_gap ? RecordValue(context.gap_kind) : RecordValue());
    record.add("stage", value_of(context.stage));
    record.add("device", context.device);
    record.add("precision", text_or_null(context.precision));
    record.add("metrics_precision", context.metrics_precision);
    return record.finish();
}

Record path_record(const PathCertificate& certificate, const Figures& figures, double time_s,
                   const std::string& device) {
    RecordWriter record(path_verb);
    record.add("lambda", certificate.lambda);
    record.add("iterations", certificate.iterations);
    record.add("objective_excess", certificate.objective_excess);
    record.add("bound_excess", certificate.bound_excess);
    record.add("relative_gap", certificate.relative_gap);
    record.add("rank", certificate.rank);
    record.add("nuclear_norm", certificate.nuclear_norm);
    record.add("time_s", time_s);
    record.add(figures);
    record.add("device", device);
    record.add("metrics_precision", "fp64");
    return record.finish();
}

Record limit_record(const LimitCertificate& certificate, const ProxyTest& proxy, double time_s) {
    RecordWriter record(limit_verb);
    record.add("iterations", certificate.iterations);
    record.add("nuclear_norm", certificate.nuclear_norm);
    record.add("bound", value_of(certificate.bound));
    record.add("relative_gap", value_of(certificate.relative_gap));
    record.add("rank", certificate.rank);
    record.add("proxy_nuclear_norm", proxy.nuclear_norm);
    record.add("proxy_alignment", value_of(certificate.proxy_alignment));
    record.add("proxy_sign_violations", value_of(proxy.sign_violations));
    record.add("time_s", time_s);
    return record.finish();
}

}  // namespace ntpgeo
