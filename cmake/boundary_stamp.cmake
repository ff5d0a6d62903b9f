# Writes OUTPUT, a C string literal: the hash of the kernels' headers in the folder SOURCES (kernels/cuda_module.hpp).
file(GLOB_RECURSE headers ${SOURCES}/kernels/*.hpp)
set(hashes "")
foreach(header ${headers})
  file(SHA256 ${header} hash)
  string(APPEND hashes ${hash})
endforeach()
string(SHA256 stamp "${hashes}")
file(WRITE ${OUTPUT} "\"${stamp}\"\n")
