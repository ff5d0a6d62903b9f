// Runs for the report's tests: folders made by hand, and a check that a page is well-formed.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace ntpgeo {

inline nlohmann::json sample_config() {
    return nlohmann::json::parse(R"({"format": "ntpgeo.config.1", "command": "train",
        "dataset": {"path": "/data/d.safetensors", "vocab_size": 2000, "contexts": 20000, "nnz": 61234,
                    "source": "text a.txt", "entropy": 0.7125},
        "dim": 64, "master": "fp64", "device": "cpu",
        "stages": [{"steps": 1000, "optimizer": "adam", "lr": 0.01, "lr_schedule": "constant",
                    "lambda": [0.001, 1e-9], "precision": "fp32"},
                   {"steps": 500, "optimizer": "lbfgs", "lr": 1.0, "lambda": [0.0, 0.0], "precision": "fp64"}]})");
}

/// A record as train writes it, with every figure but those of L_mm and of the certificate.
inline nlohmann::json sample_record(std::int64_t step) {
    const double t = static_cast<double>(step), low_rank = 20 + 10 * std::log1p(t),
                 sparse = 40 + 20 * t / (t + 30);
    std::vector<double> singular_values, strengths;
    for (int k = 0; k < 16; ++k) {
        singular_values.push_back(low_rank * std::exp(-0.2 * k));
        strengths.push_back(low_rank * (1 - std::exp(-t / (1 + k * k))) - 1);
    }
    const double excess = 2.5 / std::pow(1 + t, 1.5), cosine = 1 - 0.9 / std::sqrt(1 + t);
    return {{"step", step},
            {"time_s", 0.25 * t},
            {"entropy", 0.7125},
            {"excess_loss", excess},
            {"grad_norm", 3 * excess},
            {"sparse_norm", sparse},
            {"low_rank_norm", low_rank},
            {"dominance", low_rank / sparse},
            {"in_support_error", 1 / (1 + t)},
            {"alignment_proxy", cosine},
            {"alignment_limit", nullptr},
            {"min_margin", -5 + std::log1p(t)},
            {"collapse", 0.8 / (1 + t)},
            {"class_cosine", cosine},
            {"stable_rank", 3 + 20 / (1 + t)},
            {"singular_values", singular_values},
            {"direction_strengths", strengths},
            {"words_gram_proxy", cosine},
            {"contexts_gram_proxy", 0.9 * cosine},
            {"words_rank", 20 + 40 / (1 + t)},
            {"relative_gap", nullptr},
            {"gap_kind", nullptr}};
}

inline std::vector<std::int64_t> sample_steps() {
    return {0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 1500};
}

/// Writes a run folder. The folder is created with its parents.
inline void write_run(const std::filesystem::path& folder, const std::string& config,
                      const std::string& metrics) {
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "config.json", std::ios::binary) << config;
    std::ofstream(folder / "metrics.jsonl", std::ios::binary) << metrics;
}

template <class Change>
void write_sample_run(const std::filesystem::path& folder, const std::vector<std::int64_t>& steps,
                      Change change) {
    std::string metrics;
    for (const std::int64_t step : steps) {
        nlohmann::json record = sample_record(step);
        change(record);
        metrics += record.dump() + "\n";
    }
    write_run(folder, sample_config().dump(), metrics);
}

inline void write_sample_run(const std::filesystem::path& folder) {
    write_sample_run(folder, sample_steps(), [](nlohmann::json&) {});
}

/// Three points of a path, whose L_mm was known: λ = 1e-2, 1e-3, 1e-4, with rank 0 and L = 0 at the first.
inline void write_sample_path(const std::filesystem::path& folder) {
    nlohmann::json config = sample_config();
    config["command"] = "path";
    config["tol"] = 1e-6;
    config["lambdas"] = {1e-2, 1e-3, 1e-4};
    const auto point = [](double lambda, int rank, double sparse, double low_rank) {
        nlohmann::json record = {{"lambda", lambda},
                                 {"iterations", 40},
                                 {"relative_gap", lambda * 1e-4},
                                 {"rank", rank},
                                 {"nuclear_norm", 2 * low_rank},
                                 {"time_s", 1.5},
                                 {"excess_loss", 10 * lambda},
                                 {"sparse_norm", sparse},
                                 {"low_rank_norm", low_rank},
                                 {"dominance", nullptr},
                                 {"alignment_proxy", nullptr},
                                 {"alignment_limit", nullptr},
                                 {"singular_values", {low_rank, low_rank / 2}},
                                 {"direction_strengths", {low_rank / 2, low_rank / 4}}};
        if (rank > 0) {
            record["dominance"] = low_rank / sparse;
            record["alignment_proxy"] = 0.75;
            record["alignment_limit"] = 1 - lambda;
        }
        return record.dump() + "\n";
    };
    write_run(folder, config.dump(), point(1e-2, 0, 0, 0) + point(1e-3, 29, 3, 4) + point(1e-4, 85, 5, 12));
}

/// Two certificates of a limit whose L_mm has nuclear norm 20; S̃'s is 22.
inline void write_sample_limit(const std::filesystem::path& folder) {
    nlohmann::json config = sample_config();
    config["command"] = "limit";
    config["tol"] = 1e-4;
    const auto certificate = [](int iterations, double value, double bound) {
        return nlohmann::json({{"iterations", iterations},
                               {"nuclear_norm", value},
                               {"bound", bound},
                               {"relative_gap", (value - bound) / value},
                               {"rank", 17},
                               {"proxy_nuclear_norm", 22.0},
                               {"proxy_alignment", 0.875},
                               {"proxy_sign_violations", 0.125},
                               {"time_s", 3.25}})
                   .dump() +
               "\n";
    };
    write_run(folder, config.dump(), certificate(20, 20.5, 19.0) + certificate(60, 20.0, 19.999));
}

/// Where `xml` fails to be well-formed, or an empty string: elements must nest and close, attributes must be
/// quoted, `<` and
/// `&` must be markup or one of the five entities, and no control character may stand anywhere.
inline std::string malformed(std::string_view xml) {
    std::vector<std::string> open;
    const auto around = [&](std::size_t at) { return std::string(xml.substr(at, 60)); };
    for (std::size_t i = 0; i < xml.size();) {
        if (static_cast<unsigned char>(xml[i]) < 0x20 && xml[i] != '\n')
            return "a control character: " + around(i);
        if (xml[i] == '&') {
            bool entity = false;
            for (std::string_view known : {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"}) {
                entity = entity || xml.substr(i, known.size()) == known;
            }
            if (!entity) return "a bare ampersand: " + around(i);
        }
        if (xml[i] != '<') {
            ++i;
            continue;
        }
        // The end of the tag: the first > outside quotes.
        std::size_t end = i + 1;
        for (char quote = 0; end < xml.size() && (quote != 0 || xml[end] != '>'); ++end) {
            if (quote != 0 && xml[end] == '<') return "< in an attribute: " + around(i);
            if (quote == 0 && xml[end] == '"') {
                if (xml[end - 1] != '=') return "an attribute without a name: " + around(i);
                quote = '"';
            } else if (xml[end] == quote) {
                quote = 0;
            }
        }
        if (end == xml.size()) return "an open tag: " + around(i);
        const std::string_view tag = xml.substr(i + 1, end - i - 1);
        const std::string name(
            tag.substr(tag.starts_with('/'), tag.find_first_of(" \n/", 1) - tag.starts_with('/')));
        if (tag.starts_with('/')) {
            if (open.empty() || open.back() != tag.substr(1)) return "closes what is not open: " + around(i);
            open.pop_back();
        } else if (!tag.starts_with('!') && !tag.ends_with('/')) {
            open.push_back(name);
        }
        i = end + 1;
    }
    return open.empty() ? "" : "never closed: " + open.back();
}

inline std::size_t occurrences(std::string_view text, std::string_view part) {
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != std::string_view::npos;
         at = text.find(part, at + part.size()))
        ++count;
    return count;
}

}  // namespace ntpgeo
