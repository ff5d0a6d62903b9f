// Which way the model is held against the labels.
#pragma once

namespace ntpgeo {

/// Of the labels P and the model Q: KL(P ‖ Q), KL(Q ‖ P), or β KL(P ‖ M) + (1 − β) KL(Q ‖ M) with M = βP + (1
/// − β)Q.
enum class Divergence { forward, reverse, jensen_shannon };

/// `beta` in (0, 1), of jensen_shannon alone.
struct DivergenceOptions {
    Divergence kind = Divergence::forward;
    double beta = 0.5;
    friend bool operator==(const DivergenceOptions&, const DivergenceOptions&) = default;
};

}  // namespace ntpgeo
