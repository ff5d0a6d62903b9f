# Whether the CUDA backend is built (NTPGEO_WITH_CUDA) and has code for Blackwell (NTPGEO_WITH_BLACKWELL), from NTPGEO_CUDA
# = AUTO, ON or OFF, NTPGEO_BLACKWELL and the toolkit that is found. The toolkit's headers alone serve the emulated device of the tests, so it is looked for in any case.
find_package(CUDAToolkit QUIET)

set(NTPGEO_WITH_CUDA OFF)
set(NTPGEO_WITH_BLACKWELL OFF)
if(NOT NTPGEO_CUDA STREQUAL "OFF")
  if(NOT CMAKE_CUDA_ARCHITECTURES AND NOT DEFINED ENV{CUDAARCHS})
    set(CMAKE_CUDA_ARCHITECTURES 80-real 90-real 90-virtual CACHE STRING "GPU architectures: code for each, and PTX")
  endif()
  if(CUDAToolkit_FOUND)
    if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
      set(CMAKE_CUDA_COMPILER ${CUDAToolkit_NVCC_EXECUTABLE})
    endif()
    include(CheckLanguage)
    check_language(CUDA)
  endif()
  if(CUDAToolkit_FOUND AND CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    set(NTPGEO_WITH_CUDA ON)
  elseif(NTPGEO_CUDA STREQUAL "ON")
    message(FATAL_ERROR "NTPGEO_CUDA=ON, but no CUDA toolkit with a working nvcc was found: put nvcc on the PATH, or "
                        "configure with -DCUDAToolkit_ROOT=FOLDER, or with NTPGEO_CUDA=AUTO for a CPU-only build")
  endif()
endif()

if(NTPGEO_WITH_CUDA AND NTPGEO_BLACKWELL)
  if(CUDAToolkit_VERSION VERSION_GREATER_EQUAL 12.8)
    list(APPEND CMAKE_CUDA_ARCHITECTURES 100-real 120-real)  # of this configuration, not of the cache
    set(NTPGEO_WITH_BLACKWELL ON)
  else()
    message(STATUS "ntpgeo: no code for Blackwell, which CUDA ${CUDAToolkit_VERSION} does not make: PTX serves it")
  endif()
endif()

if(NTPGEO_WITH_CUDA)
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know yet that nvcc 12 speaks it
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  endif()
  set(CMAKE_CUDA_STANDARD 20)
  set(CMAKE_CUDA_EXTENSIONS OFF)
  # Relaxed constexpr lets kernels use the host's constexpr functions (philox.hpp).
  # No contraction, as on the host.
  set(NTPGEO_NVCC_OPTIONS --expt-relaxed-constexpr --fmad=false --Werror=all-warnings)
  # A bundle has little room; every driver of CUDA 13 unpacks the smallest form.
  if(CUDAToolkit_VERSION VERSION_GREATER_EQUAL 13)
    list(APPEND NTPGEO_NVCC_OPTIONS --compress-mode=size)
  endif()
  if(NTPGEO_PTXAS_VERBOSE)
    list(APPEND NTPGEO_NVCC_OPTIONS --ptxas-options=-v)
  endif()
  message(STATUS "ntpgeo: with CUDA ${CUDAToolkit_VERSION} for ${CMAKE_CUDA_ARCHITECTURES}")
else()
  message(STATUS "ntpgeo: CPU-only build (everything but --device cuda works)")
endif()
