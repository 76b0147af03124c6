// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace hydravp::test {

/// A value change dump as a viewer sees it. Throws std::runtime_error for what a viewer would stumble over:
/// an unknown identifier, a time that goes backwards, a value of the wrong kind or width.
class VcdReader {
public:
    static constexpr double unknown = -1;
    struct Signal {
        std::string type;
        unsigned bits = 0;
        double initial = unknown;
        std::vector<std::pair<std::int64_t, double>>
            changes; ///< ps, value; the initial one is not among them
    };

    explicit VcdReader(const std::string& path) {
        std::ifstream file(path);
        if (!file) {
            throw std::runtime_error("no file " + path);
        }
        read_definitions(file);
        read_changes(file);
    }

    const std::map<std::string, Signal>& signals() const { return signals_; }
    const Signal& operator[](const std::string& name) const {
        const auto found = signals_.find(name);
        if (found == signals_.end()) {
            throw std::runtime_error("no signal " + name);
        }
        return found->second;
    }
    std::int64_t begin() const { return begin_; }
    std::int64_t end() const { return end_; }

    /// Calls visit(begin, end, value) for every stretch of the signal.
    template <class Visit>
    void for_each_stretch(const std::string& name, Visit visit) const {
        const Signal& signal = (*this)[name];
        std::int64_t from = begin_;
        double value = signal.initial;
        for (const auto& [time, next] : signal.changes) {
            visit(from, time, value);
            from = time;
            value = next;
        }
        visit(from, end_, value);
    }
    /// Time during which `holds(value)`.
    template <class Predicate>
    std::int64_t time_in(const std::string& name, Predicate holds) const {
        std::int64_t sum = 0;
        for_each_stretch(name, [&](std::int64_t from, std::int64_t to, double value) {
            sum += holds(value) ? to - from : 0;
        });
        return sum;
    }
    /// Times at which the signal becomes `value`.
    std::vector<std::int64_t> times_of(const std::string& name, double value) const {
        std::vector<std::int64_t> times;
        for (const auto& [time, next] : (*this)[name].changes) {
            if (next == value) {
                times.push_back(time);
            }
        }
        return times;
    }

private:
    static void expect(bool condition, const std::string& what) {
        if (!condition) {
            throw std::runtime_error("VCD: " + what);
        }
    }

    void read_definitions(std::istream& file) {
        std::vector<std::string> scopes;
        for (std::string keyword; file >> keyword;) {
            std::vector<std::string> words;
            for (std::string word; file >> word && word != "$end";) {
                words.push_back(word);
            }
            if (keyword == "$scope") {
                scopes.push_back(words.at(1));
            } else if (keyword == "$upscope") {
                expect(!scopes.empty(), "$upscope without $scope");
                scopes.pop_back();
            } else if (keyword == "$timescale") {
                expect(words == std::vector<std::string>{"1", "ps"}, "another timescale");
            } else if (keyword == "$var") {
                std::string name;
                for (const std::string& scope : scopes) {
                    name += scope + ".";
                }
                name += words.at(3);
                Signal& signal = signals_[name];
                signal.type = words.at(0);
                signal.bits = static_cast<unsigned>(std::stoul(words.at(1)));
                expect(by_code_.emplace(words.at(2), &signal).second, "identifier used twice");
            } else if (keyword == "$enddefinitions") {
                expect(scopes.empty(), "a scope is left open");
                return;
            } else {
                expect(keyword == "$version" || keyword == "$comment", "unknown keyword " + keyword);
            }
        }
        expect(false, "no end of definitions");
    }

    void read_changes(std::istream& file) {
        std::int64_t now = -1;
        bool dump = false;
        std::size_t dumped = 0;
        for (std::string word; file >> word;) {
            if (word[0] == '#') {
                const std::int64_t time = std::stoll(word.substr(1));
                expect(time > now, "time goes backwards");
                begin_ = now < 0 ? time : begin_;
                end_ = now = time;
            } else if (word == "$dumpvars") {
                dump = true;
            } else if (word == "$end") {
                expect(dumped == signals_.size(), "not every signal has an initial value");
                dump = false;
            } else {
                const bool vector = word[0] == 'b' || word[0] == 'r';
                std::string code = word.substr(1);
                if (vector) {
                    file >> code;
                }
                expect(by_code_.count(code) == 1, "undeclared identifier " + code);
                expect(now >= 0, "a value before the first time");
                Signal& signal = *by_code_[code];
                expect((word[0] == 'r') == (signal.type == "real"), "a value of another kind");
                expect(word[0] != 'b' || word.size() - 1 <= signal.bits, "a value that is too wide");
                expect(vector || signal.bits == 1, "a bit for a vector");
                if (dump) {
                    signal.initial = value_of(word);
                    ++dumped;
                } else {
                    signal.changes.emplace_back(now, value_of(word));
                }
            }
        }
    }

    static double value_of(const std::string& word) {
        if (word[0] == 'r') {
            return std::stod(word.substr(1));
        }
        const std::string digits = word[0] == 'b' ? word.substr(1) : word.substr(0, 1);
        expect(!digits.empty() && (digits == "x" || digits.find_first_not_of("01") == std::string::npos),
               "no binary number: " + word);
        return digits == "x" ? unknown : static_cast<double>(std::stoull(digits, nullptr, 2));
    }

    std::map<std::string, Signal> signals_;
    std::map<std::string, Signal*> by_code_;
    std::int64_t begin_ = 0;
    std::int64_t end_ = 0;
};

} // namespace hydravp::test
