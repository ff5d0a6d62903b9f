// Why the grammar is shaped so. The theory speaks about contexts with equal support sets (design 1.1), and in
// natural text of any affordable size hardly two contexts have one. Here the word after a context depends on
// the grammatical slot it stands in, so that every context that leads to a slot has the slot's words for its
// support: after "a red", "a blue" and "a green" come the same eight toys. Two open slots in a row ("red
// ball", "sad bear") multiply into large classes of contexts. A slot has at most eight words: supports stay
// small beside the vocabulary, and each context sees all of its support in a few thousand stories. What
// differs inside a class are the probabilities: the words of a slot are weighted by the word before ("a red"
// likes balls, "a blue" kites), so that the sparse part of the logits has something to learn that the support
// pattern does not say.
#include "engine/data/synthetic.hpp"

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "engine/require.hpp"

namespace ntpgeo {
namespace {

/// A slot and what may fill it; "<slot>" inside a filling is filled in turn.
struct Rule {
    std::string_view slot;
    std::vector<std::string_view> fillings;
};

const std::vector<Rule>& grammar() {
    static const std::vector<Rule> rules = {
        {"girl story",
         {"Once upon a time there was a <virtue> <girl> <named> <girl name>. <girl body> <ending>"}},
        {"boy story",
         {"Once upon a time there was a <virtue> <boy> <named> <boy name>. <boy body> <ending>"}},
        {"girl body",
         {"She <owned> a <gift>. One day she <went> to the <place> with her <kin>. <events>",
          "One day she <went> to the <place> with her <kin>. She <owned> a <gift>. <events>"}},
        {"boy body",
         {"He <owned> a <gift>. One day he <went> to the <place> with his <kin>. <events>",
          "One day he <went> to the <place> with his <kin>. He <owned> a <gift>. <events>"}},
        {"events", {"<event> <event>", "<event> <event> <event>", "<event> <event> <event> <event>"}},
        {"event",
         {"They <met> a <mood> <animal> <beside> the <thing>.",
          "The <mood> <animal> <moved> <how> <beside> the <thing>.", "Then the <animal> <moved> <how>.",
          "A <color> <animal> and a <mood> <animal> <moved> <how>.",
          "\"Look at the <color> <toy>!\" said the <animal>.",
          "The <animal> <owned> a <gift> and was <feeling>."}},
        {"gift",
         {"<color> <toy>", "<color> <toy> and a <color> <toy>", "<size> <toy>", "<size> <color> <toy>"}},
        {"ending",
         {"At last they all <moved> home and were <feeling>. The end.",
          "At last they all sat <beside> the <thing> and were <feeling>. The end."}},
        {"virtue", {"little", "young", "tall", "clever", "gentle", "merry"}},
        {"size", {"little", "small", "tiny", "big"}},
        {"girl", {"girl", "princess", "queen"}},
        {"boy", {"boy", "prince", "king"}},
        {"named", {"named", "called"}},
        {"girl name", {"Lily", "Anna", "Mia", "Sue", "Rose", "Amy"}},
        {"boy name", {"Tom", "Ben", "Max", "Sam", "Tim", "Jack"}},
        {"owned", {"had", "found", "wanted", "loved"}},
        {"went", {"went", "came", "flew"}},
        {"met", {"met", "saw", "heard"}},
        {"color", {"red", "blue", "green", "yellow", "white", "black"}},
        {"toy", {"ball", "doll", "kite", "boat", "hat", "drum", "book", "bell"}},
        {"place", {"park", "garden", "forest", "beach", "lake", "farm", "river", "hill"}},
        {"kin", {"mother", "father", "brother", "sister", "friend", "aunt"}},
        {"mood", {"kind", "happy", "sad", "funny", "shy", "brave", "hungry", "silly"}},
        {"animal", {"cat", "dog", "bird", "fox", "bear", "rabbit", "duck", "frog"}},
        {"moved", {"ran", "jumped", "walked", "danced", "hopped", "crept"}},
        {"how", {"quickly", "slowly", "quietly", "gladly", "softly"}},
        {"beside", {"near", "behind", "under", "around", "by"}},
        {"thing", {"tree", "house", "bench", "rock", "bush", "fence", "well"}},
        {"feeling", {"glad", "proud", "tired", "calm", "warm"}},
    };
    return rules;
}

/// Writes one story after the other.
class Storyteller {
  public:
    explicit Storyteller(std::uint64_t seed) : random_(seed, 1) {}

    void tell() { fill(random_.below(2) == 0 ? "girl story" : "boy story"); }
    [[nodiscard]] std::string& text() { return text_; }

  private:
    void fill(std::string_view slot) {
        for (const Rule& rule : grammar()) {
            if (rule.slot == slot) return write(choose(rule.fillings));
        }
        throw Failure("the story grammar has no slot <" + std::string(slot) + ">");
    }

    /// Writes a filling, with its slots filled.
    void write(std::string_view filling) {
        while (!filling.empty()) {
            const std::size_t open = filling.find('<');
            text_.append(filling.substr(0, open));
            if (open == std::string_view::npos) return;
            const std::size_t close = filling.find('>', open);
            fill(filling.substr(open + 1, close - open - 1));
            filling.remove_prefix(close + 1);
        }
    }

    /// One of the fillings, with weights 1 to 4 that the word before fixes.
    std::string_view choose(std::span<const std::string_view> fillings) {
        const std::uint64_t taste = hash_of_last_word();
        std::int64_t sum = 0;
        for (std::size_t i = 0; i < fillings.size(); ++i) sum += weight(taste, i);
        std::int64_t draw = random_.below(sum);
        std::size_t chosen = 0;
        while (draw >= weight(taste, chosen)) draw -= weight(taste, chosen++);
        return fillings[chosen];
    }

    static std::int64_t weight(std::uint64_t taste, std::size_t choice) {
        return 1 + static_cast<std::int64_t>(taste >> (2 * choice) & 3);
    }

    /// FNV-1a, folded: the weights read its low bits.
    [[nodiscard]] std::uint64_t hash_of_last_word() const {
        std::size_t end = text_.size();
        while (end > 0 && text_[end - 1] == ' ') --end;
        std::uint64_t hash = 0xCBF29CE484222325U;
        for (; end > 0 && text_[end - 1] != ' ' && text_[end - 1] != '\n'; --end) {
            hash = (hash ^ static_cast<unsigned char>(text_[end - 1])) * 0x100000001B3U;
        }
        return hash ^ hash >> 32;
    }

    RandomSequence random_;
    std::string text_;
};

}  // namespace

std::string write_stories(std::int64_t stories, std::uint64_t seed) {
    require_at_least_one(stories, "number of stories");
    Storyteller teller(seed);
    for (std::int64_t story = 0; story < stories; ++story) {
        teller.tell();
        teller.text() += '\n';
    }
    return std::move(teller.text());
}

}  // namespace ntpgeo
