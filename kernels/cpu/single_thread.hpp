// OpenBLAS and LAPACK on one thread for as long as this lives, so that bits do not depend on the number of
// threads. Inside an OpenMP parallel region OpenBLAS's OpenMP build runs on one thread by itself.
#pragma once

#include <cblas.h>
#include <omp.h>

namespace ntpgeo {

class SingleThread {
  public:
    SingleThread() : threads_(omp_get_max_threads()) { openblas_set_num_threads(1); }
    ~SingleThread() {
        // The OpenMP build of OpenBLAS sets OpenMP's own number of threads; the pthread build keeps its one
        // thread.
        omp_set_num_threads(threads_);
    }
    SingleThread(const SingleThread&) = delete;
    SingleThread& operator=(const SingleThread&) = delete;

  private:
    int threads_;
};

}  // namespace ntpgeo
