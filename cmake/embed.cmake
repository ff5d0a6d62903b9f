# Writes the style sheet `source` to `output` as a C++ string literal, for a source that includes it: without comments and
# the white space that only people read. A change of the sheet configures anew.
function(embed_style_sheet source output)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  file(READ ${source} sheet)
  string(REGEX REPLACE "/\\*[^*]*\\*/" "" sheet "${sheet}")
  string(REGEX REPLACE "\n *" "" sheet "${sheet}")
  foreach(mark ":" ",")
    string(REPLACE "${mark} " "${mark}" sheet "${sheet}")
  endforeach()
  string(REPLACE " {" "{" sheet "${sheet}")
  string(REPLACE ";}" "}" sheet "${sheet}")
  file(GENERATE OUTPUT ${output} CONTENT "R\"css(${sheet})css\"\n")
endfunction()
