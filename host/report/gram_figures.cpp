#include "host/report/gram_figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "engine/geometry/gram_pictures.hpp"
#include "host/report/text.hpp"
#include "host/terminal/numbers.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t kMostWords = 200, kMostContexts = 160;

/// The words in the order of the picture, as a list that opens on demand.
std::string word_list(const Dataset& dataset, const std::vector<std::int64_t>& order) {
    std::string list = "<details><summary>The words in this order</summary>";
    for (std::size_t i = 0; i < order.size(); ++i) {
        list += i == 0 ? "" : " ";
        list +=
            "<span class=\"token\">" + escape_text(shorten(dataset.vocab[order[i]], 160.0, 12.0)) + "</span>";
    }
    return list + "</details>";
}

struct Pair {
    HeatMap words, contexts;
};

Pair empty_maps(const Dataset& dataset, const std::vector<std::int64_t>& word_order,
                const ShownContexts& shown) {
    const std::string scale =
        " Each matrix has a scale of its own, even in the root of the cosine's size, which ends at its least "
        "and "
        "greatest cosine off the diagonal.";
    Pair maps;
    maps.words.id = maps.words.name = kWordsGram;
    maps.words.title = "Gram matrices of the words";
    maps.words.caption =
        std::string(
            "Gram matrices of the words as cosines: of the rows of W, centred, where each training run "
            "ended; of "
            "the proxy (S\u0303S\u0303ᵀ)^{1/2}; of UΣUᵀ with L_{mm} = UΣVᵀ where a limit run is given. In "
            "theory "
            "the first tends to the last up to scale. Words with one sign pattern along the five leading "
            "singular "
            "directions of S\u0303 stand together, those whose coordinates are at their noise behind the "
            "others and "
            "those that follow no context last; among those of one pattern each word is followed by the one "
            "nearest "
            "to it in the proxy.") +
        scale;
    if (!dataset.vocab.empty()) maps.words.words = word_list(dataset, word_order);
    maps.contexts.id = maps.contexts.name = kContextsGram;
    maps.contexts.title = "Gram matrices of the contexts";
    maps.contexts.caption =
        std::string(
            "Gram matrices of the contexts as cosines: of the rows of H where each training run ended; of "
            "the "
            "proxy (S\u0303ᵀS\u0303)^{1/2}; of VΣVᵀ of L_{mm}. Contexts stand by support class, the largest "
            "class "
            "first; the band at the side changes its tone from class to class. A class that has collapsed "
            "onto "
            "one "
            "direction is a block of cosine 1.") +
        scale;
    maps.contexts.groups = shown.class_sizes;
    const auto count = static_cast<std::int64_t>(shown.contexts.size());
    if (count < dataset.contexts()) {
        maps.contexts.notes.push_back(fmt::format(
            "Thinned: {} of {} contexts, up to {} of each of the {} largest of {} support classes.",
            count_text(count), count_text(dataset.contexts()),
            *std::max_element(shown.class_sizes.begin(), shown.class_sizes.end()),
            count_text(static_cast<std::int64_t>(shown.class_sizes.size())), count_text(shown.classes)));
    }
    return maps;
}

/// The two figures of one data set; without panels of runs where no result can be read.
Pair make_maps(const DataSet& data_set, const std::vector<Run>& runs, const Dataset& dataset,
               std::vector<std::string>& reasons) {
    const auto backend = make_cpu_backend();
    const SmallProxy proxy(*backend, dataset);
    const std::vector<std::int64_t> word_order = proxy.word_order();
    const ShownContexts shown = shown_contexts(dataset, kMostContexts);
    Pair maps = empty_maps(dataset, word_order, shown);
    const auto add = [&](const char* words, const char* contexts, const std::string& subject,
                         const RunResult& result) {
        maps.words.panels.push_back({words, subject, gram_cosines(result.words, word_order)});
        maps.contexts.panels.push_back({contexts, subject, gram_cosines(result.contexts, shown.contexts)});
    };
    const auto add_run = [&](const Run& run, const char* words, const char* contexts) {
        try {
            if (has_result(run)) {
                add(words, contexts, run.label, read_result(run, dataset));
                return;
            }
            reasons.push_back("No Gram matrices of " + isolated_name(run.label) + ": " +
                              no_result_reason(run) + ".");
        } catch (const InputError& error) {
            reasons.push_back("No Gram matrices of " + isolated_name(run.label) + ": " +
                              escape_text(error.what()) + ".");
        }
    };
    for (const std::size_t r : data_set.runs) {
        if (runs[r].kind == RunKind::training) add_run(runs[r], "W\u0304W\u0304ᵀ", "HHᵀ");
        if (runs[r].kind == RunKind::path)
            reasons.push_back("No Gram matrices of " + isolated_name(runs[r].label) +
                              ": they are drawn of training runs and of limits, not of paths.");
    }
    RunResult of_proxy{proxy.words(), proxy.contexts(shown.contexts)};
    std::vector<std::int64_t> all(shown.contexts.size());
    std::iota(all.begin(), all.end(), std::int64_t{0});
    maps.words.panels.push_back({"(S\u0303S\u0303ᵀ)^{1/2}", "", gram_cosines(of_proxy.words, word_order)});
    maps.contexts.panels.push_back({"(S\u0303ᵀS\u0303)^{1/2}", "", gram_cosines(of_proxy.contexts, all)});
    for (const std::size_t r : data_set.runs) {
        if (runs[r].kind == RunKind::limit) add_run(runs[r], "UΣUᵀ of L_{mm}", "VΣVᵀ of L_{mm}");
    }
    return maps;
}

}  // namespace

GramFigures gram_figures(const std::vector<Run>& runs, DataSetFiles& data_sets) {
    GramFigures figures;
    for (std::size_t d = 0; d < data_sets.size(); ++d) {
        const DataSet& data_set = data_sets[d];
        const bool concerns = std::any_of(data_set.runs.begin(), data_set.runs.end(),
                                          [&](std::size_t r) { return runs[r].kind != RunKind::path; });
        if (!concerns) continue;
        const auto leave_out = [&](const std::string& reason) {
            figures.reasons.push_back("No Gram matrices of " + isolated_name(data_set.name) + ": " + reason +
                                      ".");
        };
        if (data_set.vocab_size > kMostWords) {
            leave_out(fmt::format("its vocabulary has {} words, and they are drawn up to {}",
                                  count_text(data_set.vocab_size), kMostWords));
            continue;
        }
        const Dataset* const dataset = data_sets.read(d);
        if (dataset == nullptr || dataset->vocab_size > kMostWords) {
            leave_out(dataset == nullptr ? data_sets.reason(d)
                                         : fmt::format("its vocabulary has more than {} words", kMostWords));
            continue;
        }
        Pair maps = make_maps(data_set, runs, *dataset, figures.reasons);
        for (HeatMap* map : {&maps.words, &maps.contexts}) {
            if (data_sets.size() > 1) {
                map->id += fmt::format("-{}", d + 1);
                map->of_data = data_set.name;
            }
            figures.maps.push_back(std::move(*map));
        }
    }
    return figures;
}

}  // namespace ntpgeo
