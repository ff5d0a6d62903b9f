// The style sheet of the page.
#pragma once

#include <string>

namespace ntpgeo {

/// Rules for the page and its pictures, in light and dark, on a screen and on paper.
std::string page_style();

}  // namespace ntpgeo
