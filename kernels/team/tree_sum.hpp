// One binary tree over the shards, which every sum follows: pairs of neighbours first, then pairs of pairs.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "kernels/team/shards.hpp"

namespace ntpgeo {

/// A subtree: at level l it holds the shards index·2^l .. (index+1)·2^l − 1.
struct TreeNode {
    int level = 0;
    std::int64_t index = 0;
};

/// A binary counter: values that are pushed in the shards' order are added up along the tree as soon as both
/// halves are there. `add(left, right)` adds the right value to the left one.
template <class Value>
class TreeSum {
  public:
    struct Node {
        TreeNode place;
        Value value;
    };

    template <class Add>
    void push(TreeNode place, Value value, const Add& add) {
        nodes_.push_back({place, std::move(value)});
        while (nodes_.size() > 1 && are_halves(nodes_[nodes_.size() - 2].place, nodes_.back().place)) {
            join(add);
            TreeNode& joined = nodes_.back().place;
            ++joined.level;
            joined.index /= 2;
        }
    }
    /// The sum of all; what has no other half, where the shards are no power of two, is added from the right.
    template <class Add>
    Value& root(const Add& add) {
        while (nodes_.size() > 1) join(add);
        return nodes_.front().value;
    }
    [[nodiscard]] std::vector<Node>& nodes() { return nodes_; }

  private:
    static bool are_halves(const TreeNode& left, const TreeNode& right) {
        return left.level == right.level && left.index % 2 == 0 && right.index == left.index + 1;
    }
    template <class Add>
    void join(const Add& add) {
        add(nodes_[nodes_.size() - 2].value, nodes_.back().value);
        nodes_.pop_back();
    }
    std::vector<Node> nodes_;
};

/// The largest subtrees that the shards of ranks first .. end−1 make up, in their order.
inline std::vector<TreeNode> subtrees_of(const Shards& shards, int first, int end) {
    struct Nothing {};
    const auto add = [](Nothing&, const Nothing&) {};
    TreeSum<Nothing> sum;
    for (std::int64_t s = shards.first(first); s < shards.first(end); ++s) sum.push({0, s}, {}, add);
    std::vector<TreeNode> places;
    for (const auto& node : sum.nodes()) places.push_back(node.place);
    return places;
}

}  // namespace ntpgeo
