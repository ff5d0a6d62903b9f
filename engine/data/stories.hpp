// Children's stories from a small grammar, as text: a corpus in which many contexts share a support set.
#pragma once

#include <cstdint>
#include <string>

namespace ntpgeo {

/// `stories` short stories, one a line, in ASCII English; the same text for the same (stories, seed)
/// everywhere. Throws InputError where stories < 1.
std::string write_stories(std::int64_t stories, std::uint64_t seed);

}  // namespace ntpgeo
