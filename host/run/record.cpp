#include "host/run/record.hpp"

namespace ntpgeo {

using Json = nlohmann::ordered_json;

Json number_or_null(const std::optional<double>& value) {
    return value ? Json(*value) : Json(nullptr);
}

void add_figures(const Figures& figures, double entropy, Json& record) {
    record["loss"] = entropy + figures.excess_loss;
    record["entropy"] = entropy;
    record["excess_loss"] = figures.excess_loss;
    record["off_support_mass"] = figures.off_support_mass;
    record["grad_norm"] = figures.grad_norm;
    record["words_grad_norm"] = figures.words_grad_norm;
    record["contexts_grad_norm"] = figures.contexts_grad_norm;
    record["words_norm"] = figures.words_norm;
    record["contexts_norm"] = figures.contexts_norm;
    record["sparse_norm"] = figures.sparse_norm;
    record["low_rank_norm"] = figures.low_rank_norm;
    record["dominance"] = number_or_null(figures.dominance);
    record["in_support_error"] = number_or_null(figures.in_support_error);
    record["alignment_proxy"] = number_or_null(figures.alignment_proxy);
    record["alignment_limit"] = number_or_null(figures.alignment_limit);
    record["min_margin"] = number_or_null(figures.min_margin);
    record["collapse"] = number_or_null(figures.collapse);
    record["class_cosine"] = number_or_null(figures.class_cosine);
    record["stable_rank"] = number_or_null(figures.stable_rank);
    record["singular_values"] = figures.singular_values;
    record["spectrum_residual"] = figures.spectrum_residual;
    record["words_gram_proxy"] = number_or_null(figures.words_gram_proxy);
    record["contexts_gram_proxy"] = number_or_null(figures.contexts_gram_proxy);
    record["words_gram_limit"] = number_or_null(figures.words_gram_limit);
    record["contexts_gram_limit"] = number_or_null(figures.contexts_gram_limit);
    record["direction_strengths"] = figures.direction_strengths;
}

Json train_record(const Figures& figures, const RecordContext& context) {
    Json record;
    record["step"] = context.step;
    record["time_s"] = context.time_s;
    record["lambda"] = context.lambda;
    add_figures(figures, context.entropy, record);
    record["proxy_kind"] = context.proxy_kind;
    record["relative_gap"] = number_or_null(context.relative_gap);
    record["gap_kind"] = context.relative_gap ? Json(context.gap_kind) : Json(nullptr);
    record["stage"] = context.stage > 0 ? Json(context.stage) : Json(nullptr);
    record["device"] = context.device;
    record["precision"] = context.precision.empty() ? Json(nullptr) : Json(context.precision);
    record["metrics_precision"] = context.metrics_precision;
    return record;
}

}  // namespace ntpgeo
