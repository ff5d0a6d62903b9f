// The concepts of a report: which words S̃'s leading singular directions tell apart, and which those of
// trained logits do.
#pragma once

#include <string>
#include <vector>

#include "host/report/data_sets.hpp"

namespace ntpgeo {

struct ConceptTables {
    std::string html;                  ///< a part of the page with its heading; empty where there is nothing
    std::vector<std::string> reasons;  ///< HTML sentences: what is left out, and why
};

/// For each data set whose words are known: the words at the ends of four singular directions and the largest
/// clusters by their signs, of S̃ and of W̄Hᵀ where training runs ended. Left out, with a reason, where the
/// file cannot be read or the matrices are larger than a page should wait for. `data_sets` are those of
/// `runs`.
ConceptTables concept_tables(const std::vector<Run>& runs, DataSetFiles& data_sets);

/// The singular values of S̃, up to 16 of them, as many as records have strengths along its directions, for
/// each run on a data set that is small enough and still there; empty for the others.
std::vector<std::vector<double>> direction_values(const std::vector<Run>& runs, DataSetFiles& data_sets);

}  // namespace ntpgeo
