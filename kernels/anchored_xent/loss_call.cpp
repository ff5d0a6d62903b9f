#include "kernels/anchored_xent/loss_call.hpp"

#include <cstdint>
#include <string>

#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

[[noreturn]] void refuse(const std::string& why) {
    throw InputError("loss call: " + why);
}

std::string number(std::int64_t value) {
    return std::to_string(value);
}

void check_matrix(const char* name, const StoredMatrix& matrix, std::int64_t rows, std::int64_t columns) {
    if (matrix.rows != rows || matrix.columns != columns)
        refuse(std::string(name) + " are [" + number(matrix.rows) + ", " + number(matrix.columns) +
               "], not [" + number(rows) + ", " + number(columns) + "]");
    if (matrix.stride < matrix.columns)
        refuse(std::string(name) + " have rows of " + number(matrix.columns) + " numbers " +
               number(matrix.stride) + " apart");
    if (reinterpret_cast<std::uintptr_t>(matrix.data) %
            static_cast<std::uintptr_t>(bytes_of(matrix.storage)) !=
        0)
        refuse(std::string(name) + " do not begin on a boundary of their numbers");
}

}  // namespace

void check_loss_call_plan(const LossCallPlan& plan) {
    if (plan.vocab_size < 1 || plan.dim < 1 || plan.most_contexts < 1 || plan.most_nnz < 1)
        refuse("a plan needs a word, a dimension, a context and an entry at least; this one has " +
               number(plan.vocab_size) + ", " + number(plan.dim) + ", " + number(plan.most_contexts) +
               " and " + number(plan.most_nnz));
    if (plan.chunk < 0 || plan.group < 0) refuse("a chunk or a group of fewer than 0 contexts");
    if (plan.biased && plan.kernel == LossKernel::epilogue) refuse("the epilogue kernel adds no bias");
}

void check_loss_call(const LossCallPlan& plan, const LossCall& call, const CallMemory& memory,
                     std::int64_t needed) {
    const CallLabels& labels = call.labels;
    if (labels.contexts < 1 || labels.contexts > plan.most_contexts)
        refuse(number(labels.contexts) + " contexts, where the plan is for 1 to " +
               number(plan.most_contexts));
    if (labels.nnz < labels.contexts || labels.nnz > plan.most_nnz)
        refuse(number(labels.nnz) + " label entries, where " + number(labels.contexts) +
               " contexts have as many at least and the plan is for " + number(plan.most_nnz) + " at most");
    if (!labels.indptr || !labels.indices || !labels.probs || !labels.context_weights)
        refuse("labels without indptr, indices, probabilities or weights");
    if (!call.words.data || !call.contexts.data) refuse("no words or no contexts");
    check_matrix("words", call.words, plan.vocab_size, plan.dim);
    check_matrix("contexts", call.contexts, labels.contexts, plan.dim);
    if (call.words_gradient.data)
        check_matrix("the words' gradients", call.words_gradient, plan.vocab_size, plan.dim);
    if (call.contexts_gradient.data)
        check_matrix("the contexts' gradients", call.contexts_gradient, labels.contexts, plan.dim);
    if ((call.bias.data || call.bias_gradient.data) && !plan.biased)
        refuse("a bias, where the plan is for none");
    if (call.bias.data) check_matrix("the biases", call.bias, plan.vocab_size, 1);
    if (call.bias_gradient.data)
        check_matrix("the biases' gradients", call.bias_gradient, plan.vocab_size, 1);
    for (const StoredMatrix* vector : {&call.bias, &call.bias_gradient})
        if (vector->data && vector->stride != 1) refuse("biases that do not lie one after the other");
    if (call.adds_to_words_gradient && call.ridge) refuse("a ridge, where the words' gradients are added to");
    if (call.divergence.kind == Divergence::jensen_shannon &&
        !(call.divergence.beta > 0 && call.divergence.beta < 1))
        refuse("beta is " + std::to_string(call.divergence.beta) + ", not between 0 and 1");
    if (call.divergence.kind == Divergence::reverse && !labels.tails)
        refuse("the reverse divergence is infinite where the labels have no mass off the support");
    if (call.detail.wanted() && call.bias.data) refuse("details of logits with a bias");
    if (memory.bytes < needed)
        refuse("a workspace of " + number(memory.bytes) + " bytes, where the plan needs " + number(needed));
    if (!memory.data || reinterpret_cast<std::uintptr_t>(memory.data) % 64 != 0)
        refuse("the workspace does not begin on a boundary of 64 bytes");
}

}  // namespace ntpgeo
