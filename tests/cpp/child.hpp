/* SPDX-License-Identifier: MIT */
/* Owns: a program that a test runs: its end, and what it printed.
 * Used by: test_lifetime.cpp, test_programs.cpp. */
#ifndef ACAP_TESTS_CPP_CHILD_HPP
#define ACAP_TESTS_CPP_CHILD_HPP

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

inline std::string read_file(const std::filesystem::path &path)
{
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

/* A directory of this test's own, gone afterwards. */
class scratch {
public:
    scratch()
    {
        std::string name = (std::filesystem::temp_directory_path() / "acap-cpp-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr)
            throw std::runtime_error("there is no scratch directory");
        path_ = name;
    }
    scratch(const scratch &) = delete;
    scratch &operator=(const scratch &) = delete;
    ~scratch()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::filesystem::path operator/(const char *name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

/* Where run.sh has put what it built. */
inline std::string built(const char *name)
{
    const char *directory = std::getenv("ACAP_CPP_PROGRAMS");
    return std::string(directory != nullptr ? directory : ".") + "/" + name;
}

class child {
public:
    explicit child(std::vector<std::string> command)
    {
        const std::string out = (scratch_ / "out").string();
        const std::string err = (scratch_ / "err").string();
        std::vector<char *> arguments;
        for (std::string &one : command)
            arguments.push_back(one.data());
        arguments.push_back(nullptr);
        pid_ = fork();
        if (pid_ != 0)
            return;
        dup2(open(out.c_str(), O_WRONLY | O_CREAT, 0600), STDOUT_FILENO);
        dup2(open(err.c_str(), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
        execvp(arguments[0], arguments.data());
        _exit(127);
    }

    pid_t pid() const { return pid_; }
    /* The exit status; 256 + n: ended by signal n. */
    int wait()
    {
        int status = 0;
        while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
    }
    std::string out() const { return read_file(scratch_ / "out"); }
    std::string err() const { return read_file(scratch_ / "err"); }

private:
    scratch scratch_;
    pid_t pid_ = -1;
};

#endif
