// The vendor's opaque cudaGraph_t and cudaGraphExec_t: what was captured, and what a launch runs.
#pragma once

#include <vector>

#include "streams.hpp"

struct CUgraph_st {
    std::vector<emulated_device::GraphNode> nodes;
};

struct CUgraphExec_st {
    std::vector<emulated_device::GraphNode> nodes;
};
