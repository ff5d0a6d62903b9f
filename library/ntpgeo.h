/* ntpgeo as a C library: data sets of sparse soft labels, training, the exact limit and path, and the figures
 * of their geometry. The mathematics and what is promised stand in docs/design.md of the repository.
 *
 * Rules of all functions:
 * - What can fail returns a status, 0 (NTPGEO_OK) or one of ntpgeo_status; what went wrong is then a text of
 *   one line, of the calling thread (ntpgeo_last_error), and outputs are as they were unless said otherwise.
 * - Nothing is printed, no process is ended, and no exception of C++ leaves a function.
 * - Handles are opaque. Two threads may use two handles at once, and any number of threads one data set; a
 *   handle of another kind is one thread's at a time. NULL may be given to every ..._free function.
 * - Matrices are row-major and dense: W is [V, d], one row a word; H is [m, d], one row a context.
 * - Structures begin with their size in bytes, `sizeof` of the caller's own, so that they can grow.
 * - A defaulted setting is what the program's flag of the same name defaults to.
 */
#ifndef NTPGEO_H
#define NTPGEO_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define NTPGEO_API __attribute__((visibility("default")))
#else
#define NTPGEO_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Grows with every change of this file that a program compiled against an older one could notice. */
#define NTPGEO_API_VERSION 1

/* The version of the library that is loaded; equal to NTPGEO_API_VERSION where header and library belong
 * together. */
NTPGEO_API int ntpgeo_api_version(void);

/* "0.1.0": of the project. */
NTPGEO_API const char* ntpgeo_version(void);

typedef enum ntpgeo_status {
    NTPGEO_OK = 0,
    NTPGEO_INVALID = 1,       /* an argument is wrong; the text says which, where, and what would be right */
    NTPGEO_OUT_OF_MEMORY = 2, /* of the machine or of the device */
    NTPGEO_FAILED = 3,        /* anything else: a loss that is not finite, a device that is lost */
    NTPGEO_STOPPED = 4        /* a callback asked for the end; see ntpgeo_watch */
} ntpgeo_status;

/* The text of the newest status of this thread that was not NTPGEO_OK; "" before the first. Valid until this
 * thread's next call. */
NTPGEO_API const char* ntpgeo_last_error(void);

/* Why no GPU can be used, in a clause, or "" where one can. Valid until this thread's next call. */
NTPGEO_API const char* ntpgeo_why_no_gpu(void);

/* The types of numbers in arrays of the caller's. */
typedef enum ntpgeo_type {
    NTPGEO_INT32 = 1,
    NTPGEO_INT64 = 2,
    NTPGEO_FLOAT32 = 3,
    NTPGEO_FLOAT64 = 4,
    NTPGEO_BFLOAT16 = 5, /* these two in the functions of the loss step, and of a top-k, alone */
    NTPGEO_FLOAT16 = 6
} ntpgeo_type;

/* ------------------------------------------------------------------------------------------- data sets */

/* m contexts over V words; context j has the next-word distribution p_j, a sparse one, and the weight pi_j.
 */
typedef struct ntpgeo_dataset ntpgeo_dataset;

/* A data set as compressed rows. What is marked "or NULL" may be left out. */
typedef struct ntpgeo_csr {
    size_t size;                   /* sizeof(ntpgeo_csr) */
    int64_t vocab_size;            /* V, from 1 to 2^31 - 1 */
    int64_t contexts;              /* m >= 1 */
    const int64_t* indptr;         /* [m+1], from 0, strictly increasing */
    const void* indices;           /* [nnz], strictly increasing in each context, in [0, V) */
    int indices_type;              /* NTPGEO_INT32 or NTPGEO_INT64 */
    const void* probs;             /* [nnz], > 0, not subnormal; their sum in each context is 1 up to 1e-5 */
    int probs_type;                /* NTPGEO_FLOAT32 or NTPGEO_FLOAT64 */
    const double* context_probs;   /* [m] pi, > 0, sum 1 up to 1e-5; or NULL: 1/m each */
    const int64_t* counts;         /* [nnz] occurrences, > 0; or NULL */
    const int32_t* context_tokens; /* [m, context_length] the words of each context; or NULL */
    int64_t context_length;        /* 0 where it is not known */
    const uint8_t* vocab_bytes;    /* the words' bytes, one after the other; or NULL */
    const int64_t* vocab_offsets;  /* [V+1] where each begins in vocab_bytes, from 0; or NULL with it */
    const char* source;            /* where the data comes from, for people; or NULL */
    const char* name;              /* how messages call it (a file's name, say); or NULL: "data set" */
} ntpgeo_csr;

/* Makes a data set of a copy of the arrays, checked in full; sums that are off by up to 1e-5 are renormalised
 * in fp64. */
NTPGEO_API int ntpgeo_dataset_from_csr(const ntpgeo_csr* csr, ntpgeo_dataset** data);

/* A teacher's top-k of each context. Duplicate ids of a row are merged, entries of probability 0 and of a
 * negative id (padding) left out, ids sorted. Where a row's mass mu is not 1 its labels are renormalised and
 * its weight multiplied by mu: sum_j pi_j mu_j KL(p_j/mu_j || q_j) has the same minimisers. Then weights are
 * made to sum to 1. */
typedef struct ntpgeo_topk {
    size_t size;           /* sizeof(ntpgeo_topk) */
    int64_t vocab_size;    /* V */
    int64_t contexts;      /* m */
    int64_t k;             /* entries a context */
    const void* ids;       /* [m, k] words; < 0: padding */
    int ids_type;          /* NTPGEO_INT32 or NTPGEO_INT64 */
    const void* probs;     /* [m, k], >= 0, their sum in a context in (0, 1], but for 1e-5 and rounding */
    int probs_type;        /* NTPGEO_FLOAT16, NTPGEO_BFLOAT16, NTPGEO_FLOAT32 or NTPGEO_FLOAT64 */
    const double* weights; /* [m] > 0, of any sum; or NULL: all alike */
} ntpgeo_topk;

NTPGEO_API int ntpgeo_dataset_from_topk(const ntpgeo_topk* topk, ntpgeo_dataset** data);

typedef struct ntpgeo_settings ntpgeo_settings;

/* Counts every window of context tokens and the next one, exactly, on the CPU. `tokens` [count] of `type`
 * (NTPGEO_INT32 or NTPGEO_INT64) in [0, V), < 0: outside the vocabulary, windows that hold one are not
 * counted. `document_ends` [documents], strictly increasing, the last one `count`; NULL: one document. No
 * window crosses a document's edge. `settings` of "ngrams", or NULL. */
NTPGEO_API int ntpgeo_dataset_from_ngrams(const void* tokens, int type, int64_t count,
                                          const int64_t* document_ends, int64_t documents, int64_t vocab_size,
                                          const ntpgeo_settings* settings, ntpgeo_dataset** data);

/* What a data set holds; the pointers are into it and valid until it is freed. NULL and 0 where not known. */
typedef struct ntpgeo_dataset_view {
    size_t size;                   /* sizeof(ntpgeo_dataset_view) */
    int64_t vocab_size;            /* V */
    int64_t contexts;              /* m */
    int64_t nnz;                   /* entries of all labels */
    const int64_t* indptr;         /* [m+1] */
    const int32_t* indices;        /* [nnz] */
    const double* probs;           /* [nnz] */
    const double* context_probs;   /* [m] */
    const int64_t* counts;         /* [nnz] */
    const int32_t* context_tokens; /* [m, context_length] */
    int64_t context_length;
    const uint8_t* vocab_bytes;
    const int64_t* vocab_offsets; /* [V+1] */
    const char* source;           /* "" where not known */
    double entropy;               /* sum_j pi_j H(p_j), nats: the lower bound of the loss */
    int64_t support_classes;      /* contexts with the same support set are one class */
} ntpgeo_dataset_view;

NTPGEO_API int ntpgeo_dataset_look(const ntpgeo_dataset* data, ntpgeo_dataset_view* view);
NTPGEO_API void ntpgeo_dataset_free(ntpgeo_dataset* data);

/* -------------------------------------------------------------------------------------------- settings */

/* A setting as the one table of settings has it; texts are the handle's, valid until it is freed. */
typedef struct ntpgeo_setting {
    size_t size;         /* sizeof(ntpgeo_setting) */
    const char* name;    /* "lr_schedule" */
    const char* flag;    /* "lr-schedule", as the program has it */
    const char* initial; /* its default as text; "" where there is none */
    const char* range;   /* "a whole number >= 1", "constant|cosine|inverse-sqrt" */
    const char* help;    /* one sentence */
    const char* owners;  /* "adam (or adamw)": the optimizers that alone have it; "" where all do */
    int of_stage;        /* whether it is a stage's (of "train") and not the whole run's */
} ntpgeo_setting;

/* All settings at their defaults, of "train", "limit", "path", "analyze", "concepts" or "ngrams". */
NTPGEO_API int ntpgeo_settings_new(const char* verb, ntpgeo_settings** settings);
NTPGEO_API size_t ntpgeo_settings_count(const ntpgeo_settings* settings);
/* Describes setting number `index`. */
NTPGEO_API int ntpgeo_settings_describe(const ntpgeo_settings* settings, size_t index,
                                        ntpgeo_setting* setting);
/* Sets by name; `text` as a flag takes it. A stage's setting holds for each stage that has none of its own.
 */
NTPGEO_API int ntpgeo_settings_set(ntpgeo_settings* settings, const char* name, const char* text);
/* Sets one of stage `stage` of "train", from 0 on; a stage that is next after the last is added. */
NTPGEO_API int ntpgeo_settings_set_in_stage(ntpgeo_settings* settings, size_t stage, const char* name,
                                            const char* text);
/* Sets a list of numbers: "lambdas" of "path", positive and strictly falling. */
NTPGEO_API int ntpgeo_settings_set_numbers(ntpgeo_settings* settings, const char* name, const double* values,
                                           size_t count);
NTPGEO_API void ntpgeo_settings_free(ntpgeo_settings* settings);

/* --------------------------------------------------------------------------------- records and results */

typedef enum ntpgeo_kind {
    NTPGEO_NULL = 0, /* does not exist here */
    NTPGEO_WHOLE = 1,
    NTPGEO_NUMBER = 2,
    NTPGEO_TEXT = 3,
    NTPGEO_NUMBERS = 4
} ntpgeo_kind;

/* One figure of a record: its key (docs/figures.md of the repository lists them) and the value of its kind.
 */
typedef struct ntpgeo_figure {
    const char* key;
    int kind; /* ntpgeo_kind */
    int64_t whole;
    double number;
    const char* text;
    const double* numbers; /* [length] */
    size_t length;
} ntpgeo_figure;

/* What is called while a long call is at work, on the thread of the call; NULL: nothing is. Where one returns
 * other than 0 the call ends with NTPGEO_STOPPED and, where there is one by then, the result so far. */
typedef struct ntpgeo_watch {
    size_t size; /* sizeof(ntpgeo_watch) */
    /* A new record; the figures are valid during the call. */
    int (*on_record)(void* user, const ntpgeo_figure* figures, size_t count);
    /* Called between steps, iterations and the parts of a record, twenty times a second at most. */
    int (*should_stop)(void* user);
    void* user;
} ntpgeo_watch;

/* Matrices by name, and records. */
typedef struct ntpgeo_result ntpgeo_result;

typedef struct ntpgeo_result_view {
    size_t size;    /* sizeof(ntpgeo_result_view) */
    size_t records; /* how many there are */
    size_t points;  /* of a path with save_points, the results of its points; else 0 */
    int64_t steps;  /* of train, updates; of limit, iterations; of path, points; else 0 */
    int reached;    /* whether all that was asked for is there: the steps, the tolerance (at each point) */
    int at_rest;    /* whether nothing moves any more: train at a zero gradient or at its noise floor, limit
                       where fp64 steps no longer lower the residual */
} ntpgeo_result_view;

NTPGEO_API int ntpgeo_result_look(const ntpgeo_result* result, ntpgeo_result_view* view);
/* The shape [rows, columns] of a matrix: "W" and "H" of train, limit and path, "sigma" [r, 1] of limit and
 * path, those of concepts. */
NTPGEO_API int ntpgeo_result_shape(const ntpgeo_result* result, const char* name, int64_t* rows,
                                   int64_t* columns);
/* Copies a matrix into `out` [rows, columns] of `type` (NTPGEO_FLOAT32, which rounds, or NTPGEO_FLOAT64). */
NTPGEO_API int ntpgeo_result_copy(const ntpgeo_result* result, const char* name, int type, void* out,
                                  int64_t rows, int64_t columns);
/* Record number `index`, in the order in which they were made; valid until the result is freed. */
NTPGEO_API int ntpgeo_result_record(const ntpgeo_result* result, size_t index, const ntpgeo_figure** figures,
                                    size_t* count);
/* The result of point number `index`, with W, H and sigma, which is part of `result`: not to be freed. */
NTPGEO_API int ntpgeo_result_point(const ntpgeo_result* result, size_t index, const ntpgeo_result** point);
NTPGEO_API void ntpgeo_result_free(ntpgeo_result* result);

/* ------------------------------------------------------------------------------------------------ verbs
 * `settings` of the verb, or NULL for its defaults; `watch` may be NULL. With NTPGEO_OK, or NTPGEO_STOPPED
 * where something was reached, *result is a new handle; NULL with every other status. */

/* Trains W and H, as `ntpgeo train` does, to the same bits. `limit`: a result of ntpgeo_limit of this data
 * set, to record the alignment with L_mm, or NULL. The result has W [V, d] and H [m, d], of numbers that fit
 * the `master` precision, in the state after the last update that was made. */
NTPGEO_API int ntpgeo_train(const ntpgeo_dataset* data, const ntpgeo_settings* settings,
                            const ntpgeo_result* limit, const ntpgeo_watch* watch, ntpgeo_result** result);

/* Solves for L_mm = W H^T with a certificate of its nuclear norm: W [V, r], H [m, r], sigma [r, 1]. A record
 * a certificate; the last is the result's own. */
NTPGEO_API int ntpgeo_limit(const ntpgeo_dataset* data, const ntpgeo_settings* settings,
                            const ntpgeo_watch* watch, ntpgeo_result** result);

/* An L_mm from its factors (of a file, say), to be given as `limit`: words = U S^(1/2) [V, rank], contexts =
 * V S^(1/2) [m, rank] of its thin singular value decomposition. Its record is missing. */
NTPGEO_API int ntpgeo_limit_of(const ntpgeo_dataset* data, const double* words, const double* contexts,
                               int64_t rank, ntpgeo_result** result);

/* Walks the exact regularization path, certified at each lambda. `limit` as in ntpgeo_train; NULL: L_mm is
 * solved for first where that is cheap. W, H and sigma are of the last point. */
NTPGEO_API int ntpgeo_path(const ntpgeo_dataset* data, const ntpgeo_settings* settings,
                           const ntpgeo_result* limit, const ntpgeo_watch* watch, ntpgeo_result** result);

/* The figures of any W `words` [V, dim] and H `contexts` [m, dim], finite and at most 1e70: one record. */
NTPGEO_API int ntpgeo_analyze(const ntpgeo_dataset* data, const double* words, const double* contexts,
                              int64_t dim, const ntpgeo_settings* settings, const ntpgeo_result* limit,
                              ntpgeo_result** result);

/* The K leading singular directions of the centred support matrix (words and contexts NULL), of W H^T centred
 * (neither NULL) or of W centred (contexts NULL; it then has no contexts), W [V, dim], H [m, dim]. The result
 * has "values" [K, 1]; "tied" [K, 1], 1 where a direction is one arbitrary choice among rotations; "words"
 * [V, K] and "contexts" [m, K], the coordinates; "word_signs" and "context_signs" of the same shapes, -1, 0
 * (below the noise) or 1; "never_follows" [V, 1], 1 for a word that follows no context. */
NTPGEO_API int ntpgeo_concepts(const ntpgeo_dataset* data, const double* words, const double* contexts,
                               int64_t dim, const ntpgeo_settings* settings, ntpgeo_result** result);

/* ------------------------------------------------------------------------------------- the loss step
 * The anchored cross-entropy of a teacher's top-k and its gradients, as a training framework calls it: in its
 * own memory, and on a GPU on its own stream. docs/design.md 1.2, 1.6 and 4.1 have the mathematics. */

/* A teacher's top-k of N contexts, in the machine's memory. */
typedef struct ntpgeo_teacher {
    size_t size;        /* sizeof(ntpgeo_teacher) */
    int64_t vocab_size; /* V */
    int64_t contexts;   /* N */
    int64_t k;          /* entries a context */
    const void* ids;    /* [N, k] words; < 0 or `ignore`: padding */
    int ids_type;       /* NTPGEO_INT32 or NTPGEO_INT64 */
    int64_t ignore;     /* an id that is padding, too */
    const void* probs;  /* [N, k] p >= 0, or log p where `logarithms` is not 0 */
    int probs_type;     /* any floating-point type */
    int logarithms;
    int tail;            /* ntpgeo_tail */
    const double* tails; /* [N] >= 0, of NTPGEO_TAIL_GIVEN */
    int check;           /* whether a NaN or a negative number is refused; if not, it makes its row NaN */
} ntpgeo_teacher;

/* What of a context's mass is not in its k entries. */
typedef enum ntpgeo_tail {
    NTPGEO_TAIL_NONE = 0, /* none: the entries' mass mu is the row's, and weighs its loss */
    NTPGEO_TAIL_REST = 1, /* 1 - mu, spread over the other words as the model spreads its own */
    NTPGEO_TAIL_GIVEN = 2 /* `tails`, spread likewise; mu and it are the row's mass */
} ntpgeo_tail;

/* Labels as the loss step takes them: duplicates merged, sorted, without padding and zeros, of sum 1; a
 * context with nothing gets one entry, the mass 0 and, where there are tails, one of a half. All written by
 * ntpgeo_loss_labels. */
typedef struct ntpgeo_loss_rows {
    size_t size;       /* sizeof(ntpgeo_loss_rows) */
    int64_t* indptr;   /* [N+1] */
    int32_t* indices;  /* [N k] */
    double* probs;     /* [N k] */
    double* masses;    /* [N] mu, and with the tail where there is one: what a row's loss is weighed by */
    double* tails;     /* [N] the tail's share of it */
    double* entropies; /* [N] of the labels of mass 1, the tail one of them, nats: CE = KL + this */
} ntpgeo_loss_rows;

NTPGEO_API int ntpgeo_loss_labels(const ntpgeo_teacher* teacher, const ntpgeo_loss_rows* rows);

/* Loss steps up to some sizes on a device. One thread's at a time; two handles may be used at once, with
 * workspaces of their own. */
typedef struct ntpgeo_loss ntpgeo_loss;

typedef struct ntpgeo_loss_sizes {
    size_t size;        /* sizeof(ntpgeo_loss_sizes) */
    int64_t vocab_size; /* V */
    int64_t dim;        /* d */
    int64_t contexts;   /* N, and fewer */
    int64_t entries;    /* of all labels, and fewer */
    int biased;         /* whether calls may have a bias */
} ntpgeo_loss_sizes;

/* `device` "cpu" or "cuda:i"; `precision` of the three products: "fp64", "fp32", and on a GPU "bf16",
 * "bf16x3", "tf32". */
NTPGEO_API int ntpgeo_loss_new(const char* device, const char* precision, const ntpgeo_loss_sizes* sizes,
                               ntpgeo_loss** loss);

/* A matrix of the caller's on the device; NULL data: none. */
typedef struct ntpgeo_matrix {
    void* data;
    int type; /* any floating-point type */
    int64_t rows;
    int64_t columns;
    int64_t stride; /* from one row to the next, in elements */
} ntpgeo_matrix;

typedef enum ntpgeo_divergence {
    NTPGEO_FORWARD = 0,       /* KL(P || Q), P the labels, Q the model */
    NTPGEO_REVERSE = 1,       /* KL(Q || P); every row needs a tail */
    NTPGEO_JENSEN_SHANNON = 2 /* beta KL(P || M) + (1 - beta) KL(Q || M), M = beta P + (1 - beta) Q */
} ntpgeo_divergence;

/* sum_j w_j D_j of logits W h_j + b and its gradients, times `upstream`. Pointers are to the device's memory.
 */
typedef struct ntpgeo_loss_call {
    size_t size;           /* sizeof(ntpgeo_loss_call) */
    int64_t contexts;      /* N */
    int64_t entries;       /* indptr[N], or more on a GPU, where only the device reads indptr */
    const int64_t* indptr; /* [N+1], as ntpgeo_loss_rows has them, and so the next three */
    const int32_t* indices;
    const double* probs;
    const double* tails;   /* NULL: none */
    const double* weights; /* [N] w, may be 0 */
    ntpgeo_matrix words;   /* W [V, d] */
    ntpgeo_matrix hidden;  /* H [N, d] */
    ntpgeo_matrix bias;    /* b [V, 1], stride 1 */
    ntpgeo_matrix words_gradient;
    ntpgeo_matrix hidden_gradient;
    ntpgeo_matrix bias_gradient; /* [V, 1], stride 1 */
    int adds_to_words_gradient;  /* to what is there; otherwise overwritten, as the others are */
    int divergence;              /* ntpgeo_divergence */
    double beta;                 /* in (0, 1), of NTPGEO_JENSEN_SHANNON */
    const double* upstream;      /* [1]; NULL: 1 */
    double* sum;          /* [2] sum_j w_j D_j, sum_j w_j times the next; NULL: not wanted, as what follows */
    double* losses;       /* [N] D_j, nats */
    double* missing_mass; /* [N] the model's mass off the labels' words */
} ntpgeo_loss_call;

/* Bytes of workspace that a call takes, on a boundary of 256. */
NTPGEO_API int ntpgeo_loss_workspace(const ntpgeo_loss* loss, const ntpgeo_loss_call* call, int64_t* bytes);
/* Queues the call on `stream` (a cudaStream_t; the CPU has done it on return): without a wait, an allocation
 * or a look at the device's memory. */
NTPGEO_API int ntpgeo_loss_enqueue(ntpgeo_loss* loss, const ntpgeo_loss_call* call, void* workspace,
                                   int64_t bytes, void* stream);
NTPGEO_API void ntpgeo_loss_free(ntpgeo_loss* loss);

#ifdef __cplusplus
}
#endif

#endif /* NTPGEO_H */
