/* A data set of three contexts over five words, trained to where its geometry shows, and held against the
 * exact limit. Compiled against an installed ntpgeo:  cc example.c -lntpgeo */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ntpgeo.h>

static void check(int status, const char* what) {
    if (status == NTPGEO_OK) return;
    fprintf(stderr, "%s: %s\n", what, ntpgeo_last_error());
    exit(1);
}

/* The number under a key of a record; 0 where it has none. */
static double number(const ntpgeo_figure* figures, size_t count, const char* key) {
    for (size_t i = 0; i < count; ++i)
        if (strcmp(figures[i].key, key) == 0) return figures[i].number;
    return 0;
}

static int on_record(void* user, const ntpgeo_figure* figures, size_t count) {
    ++*(int*)user;
    printf("step %5.0f   excess loss %.3e   alignment with L_mm %.6f\n", number(figures, count, "step"),
           number(figures, count, "excess_loss"), number(figures, count, "alignment_limit"));
    return 0; /* go on */
}

int main(void) {
    const int64_t indptr[] = {0, 2, 3, 5};
    const int32_t indices[] = {1, 4, 0, 2, 3};
    const double probs[] = {0.25, 0.75, 1, 0.5, 0.5};
    const ntpgeo_csr csr = {.size = sizeof csr,
                            .vocab_size = 5,
                            .contexts = 3,
                            .indptr = indptr,
                            .indices = indices,
                            .indices_type = NTPGEO_INT32,
                            .probs = probs,
                            .probs_type = NTPGEO_FLOAT64};
    ntpgeo_dataset* data = NULL;
    check(ntpgeo_dataset_from_csr(&csr, &data), "data set");

    ntpgeo_result *limit = NULL, *trained = NULL;
    check(ntpgeo_limit(data, NULL, NULL, &limit), "limit");

    ntpgeo_settings* settings = NULL;
    check(ntpgeo_settings_new("train", &settings), "settings");
    check(ntpgeo_settings_set(settings, "dim", "4"), "settings");
    check(ntpgeo_settings_set(settings, "steps", "1000"), "settings");
    check(ntpgeo_settings_set(settings, "metrics_every", "log:1"), "settings");

    int records = 0;
    const ntpgeo_watch watch = {.size = sizeof watch, .on_record = on_record, .user = &records};
    check(ntpgeo_train(data, settings, limit, &watch, &trained), "train");

    double words[5 * 4];
    check(ntpgeo_result_copy(trained, "W", NTPGEO_FLOAT64, words, 5, 4), "W");
    printf("ntpgeo %s: %d records; the first word is at (%.3f, %.3f, %.3f, %.3f)\n", ntpgeo_version(),
           records, words[0], words[1], words[2], words[3]);

    ntpgeo_result_free(trained);
    ntpgeo_result_free(limit);
    ntpgeo_settings_free(settings);
    ntpgeo_dataset_free(data);
    return records == 5 ? 0 : 1; /* of the steps 0, 1, 10, 100 and 1000 */
}
