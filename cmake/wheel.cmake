# What `pip install .` takes of a build (component wheel; scikit-build-core is at work where SKBUILD is set): library, program
# and CUDA's module within the Python package, so that each finds the others, and the libraries that a repaired wheel carries,
# at places relative to its own; and a script that starts the program among the environment's.
set(NTPGEO_PREBUILT "" CACHE PATH "Pack the library and the program of this folder, and its licenses/; nothing is compiled")

function(install_in_wheel library program) # [libntpgeo_cuda.so]
  install(PROGRAMS ${library} DESTINATION ntpgeo RENAME libntpgeo.so COMPONENT wheel)
  install(PROGRAMS ${program} ${ARGN} DESTINATION ntpgeo COMPONENT wheel)
  install(PROGRAMS ${CMAKE_SOURCE_DIR}/python/scripts/ntpgeo DESTINATION ${SKBUILD_SCRIPTS_DIR} COMPONENT wheel)
  if(NTPGEO_PREBUILT)
    install(DIRECTORY ${NTPGEO_PREBUILT}/licenses DESTINATION ${SKBUILD_METADATA_DIR} COMPONENT wheel OPTIONAL)
  endif()
endfunction()
