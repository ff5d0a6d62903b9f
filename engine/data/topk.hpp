// Data sets of a teacher's top-k.
#pragma once

#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/data/dataset.hpp"

namespace ntpgeo {

/// What becomes of a context's mass that is not among its k words. fold: its weight is multiplied by the mass
/// that is there, which is the same problem (design 1.2); renormalise: its weight stays what it is.
enum class MissingMass { fold, renormalise };

struct TopKSettings {
    std::optional<std::int64_t> vocab_size;  ///< V; empty: the greatest id + 1
    MissingMass missing = MissingMass::fold;
};

/// How the rows are written down, and what they are called.
struct TopKForm {
    std::string where;                ///< how messages about a context begin: "teacher"
    std::string ids, probs, weights;  ///< and those about an entry of these: "teacher: ids"
    bool logarithms = false;          ///< probs are natural logarithms
    /// Of the stored numbers, relative: a mass may be above 1 by what that explains, beside 1e-5.
    double roundoff = 0;
    /// A word that stands twice in a row is refused, and so is an id below −1; else duplicates are added and
    /// every negative id is padding.
    bool strict = false;
};

/// A word and its probability.
using TopKEntry = std::pair<std::int64_t, double>;

/// Sorts a context's entries by word and adds duplicates, in the order in which they came, to the first of
/// theirs. Returns the mass of all of them, summed as they were sorted.
double merge_duplicates(std::vector<TopKEntry>& row);

/// A data set of rows as they come, a context each, so that a file of them need not lie in memory. Ids are
/// sorted, padding (an id of −1, whose probability is not looked at) and entries of probability 0 left out,
/// and the masses dealt with as the settings say.
class TopKCollector {
  public:
    TopKCollector(const TopKSettings& settings, TopKForm form)
        : settings_(settings), form_(std::move(form)) {}

    /// Makes room for as many as there are at most, so that nothing moves as it grows.
    void expect(std::int64_t contexts, std::int64_t entries);
    /// The next context's k entries. Throws InputError naming the entry or the context: a probability that is
    /// negative or not finite, an id that is no word, a mass that is not in (0, 1], no entry above 0.
    void add(std::span<const std::int64_t> ids, std::span<const double> probs);
    /// Contexts so far.
    [[nodiscard]] std::int64_t contexts() const { return std::ssize(dataset_.indptr) - 1; }
    /// Mass that was not among the rows' words: its mean over the contexts.
    [[nodiscard]] double mean_missing_mass() const { return missing_ / static_cast<double>(contexts()); }

    /// The data set, checked, called `source`; the collector is then empty. `weights` [m] of any sum, brought
    /// to 1; empty: all alike. Throws InputError: a weight that is not above 0, a subnormal probability, no
    /// context.
    Dataset finish(std::span<const double> weights, const std::string& source);

  private:
    static Dataset empty();
    /// The entries of one context that are any.
    void read_row(std::span<const std::int64_t> ids, std::span<const double> probs);
    [[noreturn]] void refuse_repetition(std::span<const std::int64_t> ids,
                                        std::span<const double> probs) const;
    [[nodiscard]] double probability(double given) const;

    TopKSettings settings_;
    TopKForm form_;
    Dataset dataset_ = empty();
    double missing_ = 0;   // the sum of it
    double rounding_ = 0;  // of the row's mass, as its numbers were stored
    std::int64_t greatest_ = -1;
    std::vector<TopKEntry> row_;
};

}  // namespace ntpgeo
