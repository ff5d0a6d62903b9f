// The Gram matrices of a report: W̄W̄ᵀ and HHᵀ of training runs beside those of the proxy S̃ and of L_mm.
#pragma once

#include <string>
#include <vector>

#include "host/report/data_sets.hpp"
#include "host/report/heat_map.hpp"

namespace ntpgeo {

/// The names of the figures on the command line.
inline constexpr const char* kWordsGram = "gram-words";
inline constexpr const char* kContextsGram = "gram-contexts";

struct GramFigures {
    std::vector<HeatMap> maps;         ///< two a data set: words, contexts
    std::vector<std::string> reasons;  ///< HTML sentences: what is not drawn, and why
};

/// For each data set of at most 200 words that a training run or a limit was made on: reads its file and each
/// run's result.safetensors. What cannot be read is left out with a reason. `data_sets` are those of `runs`.
GramFigures gram_figures(const std::vector<Run>& runs, DataSetFiles& data_sets);

}  // namespace ntpgeo
