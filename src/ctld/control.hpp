// ctld/control.hpp — what administrators ask of a running controller over HTTP: `POST /api/...`.
//
// Each request carries a MUNGE credential for itself (auth/request_credential.hpp) and is root's or SlurmUser's. Its
// body is a flat JSON object, or empty; so is the answer's, unless a command answers with a file.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "auth/munge.hpp"
#include "http/server.hpp"
#include "io/task.hpp"

namespace flurm::ctld {

/// The members of a request's object; numbers and booleans as their text.
class Arguments {
 public:
  Arguments() = default;
  explicit Arguments(std::map<std::string, std::string> values) : values_(std::move(values)) {}
  /// Errors: einval, the text is not an object of texts, numbers and booleans.
  static Result<Arguments> parse(std::string_view json);

  bool has(const std::string& name) const { return values_.contains(name); }
  /// Empty when it is not there.
  std::string text(const std::string& name) const;
  /// Errors: einval, missing or outside 0 … max.
  Result<std::uint64_t> number(const std::string& name, std::uint64_t max) const;
  bool flag(const std::string& name) const { return text(name) == "true"; }

 private:
  std::map<std::string, std::string> values_;
};

/// 200 with {"message": …} for people and further members for programs.
http::Response control_done(const std::string& message, const std::map<std::string, std::string>& more = {});
/// {"error": text}. Status: 400 for einval, 403 eperm, 409 already/not_supported, 503 when the cluster could not do it
/// now, else 500.
http::Response control_failed(const Error& error);
http::Response control_failed(int status, const std::string& text);

/// The commands by their path. Loop thread only; what a handler uses must outlive the HTTP server.
class Control {
 public:
  using Handler = std::function<io::Task<http::Response>(std::uint32_t uid, Arguments arguments)>;

  Control(io::Loop& loop, const auth::Munge& munge, std::uint32_t slurm_user)
      : loop_(loop), munge_(munge), slurm_user_(slurm_user) {}

  /// path: "/api/drain". It runs for root and SlurmUser only.
  void on(std::string path, Handler handler);
  bool knows(const std::string& path) const { return handlers_.contains(path); }
  /// 404, 405, 401 (no good credential), 403 (of another user), 400 (body), or what the handler answers.
  io::Task<http::Response> answer(http::Request request);

 private:
  io::Loop& loop_;
  const auth::Munge& munge_;
  std::uint32_t slurm_user_;
  std::map<std::string, Handler> handlers_;
};

}  // namespace flurm::ctld
