// auth/private_munged.hpp — for tests: a munged of their own, with its own key and socket, gone with the object.
#pragma once
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

namespace flurm::auth {

class PrivateMunged {
 public:
  explicit PrivateMunged(int threads = 4) {
    char name[] = "/tmp/flurm-munged-XXXXXX";
    directory_ = mkdtemp(name);
    chmod(directory_.c_str(), 0755);
    {
      std::ofstream key(directory_ + "/key", std::ios::binary);
      std::random_device random;
      for (int i = 0; i < 64; ++i) key.put(static_cast<char>(random()));
    }
    chmod((directory_ + "/key").c_str(), 0600);
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      int null = open("/dev/null", O_RDWR);
      dup2(null, 1);
      dup2(null, 2);
      std::string key = "--key-file=" + directory_ + "/key", log = "--log-file=" + directory_ + "/log",
                  pid = "--pid-file=" + directory_ + "/pid", seed = "--seed-file=" + directory_ + "/seed",
                  sock = "--socket=" + socket(), count = "--num-threads=" + std::to_string(threads);
      const char* program = access("/usr/sbin/munged", X_OK) == 0 ? "/usr/sbin/munged" : "munged";
      execlp(program, "munged", "--foreground", "--force", count.c_str(), key.c_str(), log.c_str(), pid.c_str(),
             seed.c_str(), sock.c_str(), nullptr);
      _exit(127);
    }
    for (int i = 0; i < 500 && access(socket().c_str(), F_OK) != 0; ++i) usleep(10'000);
  }
  ~PrivateMunged() {
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  PrivateMunged(const PrivateMunged&) = delete;
  PrivateMunged& operator=(const PrivateMunged&) = delete;

  std::string socket() const { return directory_ + "/socket"; }
  const std::string& directory() const { return directory_; }

 private:
  std::string directory_;
  pid_t pid_ = -1;
};

}  // namespace flurm::auth
