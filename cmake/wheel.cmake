# What `pip install .` takes of a build (component wheel; scikit-build-core is at work where SKBUILD is set): the library
# beside the Python package, which opens it there; the program within the package as well, so that both find the libraries
# that a repaired wheel carries at places relative to themselves; and a script that starts it among the environment's.
set(NTPGEO_PREBUILT "" CACHE PATH "Pack the library and the program of this folder, and its licenses/; nothing is compiled")

function(install_in_wheel library program)
  install(PROGRAMS ${library} DESTINATION ntpgeo RENAME libntpgeo.so COMPONENT wheel)
  install(PROGRAMS ${program} DESTINATION ntpgeo/bin COMPONENT wheel)
  install(PROGRAMS ${CMAKE_SOURCE_DIR}/python/scripts/ntpgeo DESTINATION ${SKBUILD_SCRIPTS_DIR} COMPONENT wheel)
  if(NTPGEO_PREBUILT)
    install(DIRECTORY ${NTPGEO_PREBUILT}/licenses DESTINATION ${SKBUILD_METADATA_DIR} COMPONENT wheel OPTIONAL)
  endif()
endfunction()
