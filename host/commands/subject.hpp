// The W and H that analyze and concepts look at: of a run, or of files that somebody else made (design 2.1).
#pragma once

#include <optional>
#include <string>

#include "engine/data/dataset.hpp"
#include "host/commands/command.hpp"
#include "host/files/matrix_file.hpp"
#include "host/run/config_file.hpp"

namespace ntpgeo {

struct SubjectOptions {
    std::optional<std::string> data, run, words, contexts;
};

/// RUN, --data, --words and --contexts.
void add_subject_options(Command& verb, SubjectOptions& options);

/// W and H with where they come from.
struct Subject {
    HostMatrix words, contexts;             ///< [V, d], [m, d]; contexts is empty where only words were given
    std::string words_name, contexts_name;  ///< paths, with the tensor's name behind
    double lambda = 0, ridge = 0;
    std::int64_t step = 0;              ///< of a training run; 0 where none made them
    std::optional<std::int64_t> stage;  ///< of a training run, from 1 on
    DatasetReference data;              ///< its hash that of the run; open where --data named it
};

/// The result of a run of train (or its newest checkpoint, where that is newer), limit or path, or the
/// matrices named; `verb` begins the messages about options. The words are allowed to come without contexts
/// where `words_alone`. A run knows its data set; --data overrides it. Throws InputError.
Subject read_subject(const SubjectOptions& options, const std::string& verb, bool words_alone);

/// The subject's data set, whose hash is then settled. Throws InputError where it cannot be read, or is a
/// run's own and has other contents than the run saw.
Dataset read_dataset_of(Subject& subject);

/// Throws InputError where the shapes do not fit the data set or each other, naming the dimension.
void check_shapes(const Subject& subject, const Dataset& dataset);

}  // namespace ntpgeo
