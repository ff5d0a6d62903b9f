# Whether the loss step's epilogue form is built (NTPGEO_WITH_CUTLASS), from NTPGEO_CUTLASS = AUTO, ON or OFF and the
# CUTLASS headers that are found: in NTPGEO_CUTLASS_DIR or CUTLASS_DIR (a source tree, or a folder that holds include/),
# where a system keeps headers, or in PyPI's nvidia-cutlass in .venv/. Its tiles alone are compiled with them, for Hopper
# and, where there is code for it, Blackwell; nothing else changes.
set(NTPGEO_CUTLASS_DIR "" CACHE PATH "CUTLASS: the folder that holds include/cutlass")

set(NTPGEO_WITH_CUTLASS OFF)
if(NOT NTPGEO_CUTLASS MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "NTPGEO_CUTLASS=${NTPGEO_CUTLASS}: none of AUTO, ON, OFF")
endif()
if(NTPGEO_CUTLASS STREQUAL "OFF" OR (NTPGEO_CUTLASS STREQUAL "AUTO" AND NOT NTPGEO_WITH_CUDA))
  return()
endif()

file(GLOB environment_of_python ${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/cutlass_library/source)
find_path(CUTLASS_HEADERS cutlass/cutlass.h
          HINTS ${NTPGEO_CUTLASS_DIR} ENV NTPGEO_CUTLASS_DIR ${CUTLASS_DIR} ENV CUTLASS_DIR ${environment_of_python}
          PATH_SUFFIXES include cutlass_library/source/include NO_CACHE)

if(NOT NTPGEO_WITH_CUDA)
  set(lacking "there is no CUDA toolkit to build it with")
elseif(NOT CUTLASS_HEADERS)
  string(CONCAT lacking "no cutlass/cutlass.h was found: install CUTLASS 4.2 or a later 4.x and configure with "
                "-DNTPGEO_CUTLASS_DIR=FOLDER")
else()
  file(STRINGS ${CUTLASS_HEADERS}/cutlass/version.h lines REGEX "define CUTLASS_(MAJOR|MINOR|PATCH)")
  string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*PATCH ([0-9]+).*" "\\1.\\2.\\3" version "${lines}")
  if(version VERSION_LESS 4.2 OR version VERSION_GREATER_EQUAL 5)
    set(lacking "${CUTLASS_HEADERS} holds CUTLASS ${version}, and it is written for 4.2 and later 4.x")
  endif()
endif()

if(lacking AND NTPGEO_CUTLASS STREQUAL "ON")
  message(FATAL_ERROR "NTPGEO_CUTLASS=ON, but ${lacking}")
elseif(lacking)
  message(STATUS "ntpgeo: without the loss step's epilogue form: ${lacking}")
else()
  set(NTPGEO_WITH_CUTLASS ON)
  message(STATUS "ntpgeo: with the loss step's epilogue form, by CUTLASS ${version}")
endif()
