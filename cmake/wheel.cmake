# What `pip install .` takes of a build (component wheel; scikit-build-core is at work where SKBUILD is set): the library
# beside the Python package, which opens it there, and the program among the environment's.
set(NTPGEO_PREBUILT "" CACHE PATH "Pack the library and the program of this build folder; nothing is compiled")

function(install_in_wheel library program) # [libntpgeo_cuda.so]
  install(PROGRAMS ${library} DESTINATION ntpgeo RENAME libntpgeo.so COMPONENT wheel)
  install(PROGRAMS ${ARGN} DESTINATION ntpgeo COMPONENT wheel)
  install(PROGRAMS ${program} DESTINATION ${SKBUILD_SCRIPTS_DIR} COMPONENT wheel)
endfunction()
