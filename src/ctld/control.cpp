// ctld/control.cpp — see control.hpp. JSON is read and written here only.
#include "ctld/control.hpp"

#include <nlohmann/json.hpp>

#include "auth/request_credential.hpp"
#include "base/log.hpp"
#include "io/worker.hpp"

namespace flurm::ctld {
namespace {

using nlohmann::json;

constexpr const char* kJson = "application/json";

/// What clients sent may be no UTF-8, and a text may repeat it.
std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"; }

int status_of(Errc code) {
  switch (code) {
    case Errc::einval:
      return 400;
    case Errc::eperm:
      return 403;
    case Errc::already_done:
    case Errc::not_supported:
    case Errc::eagain:
      return 409;
    case Errc::not_leader:
    case Errc::timed_out:
    case Errc::closed:
    case Errc::communications_connection:
      return 503;
    default:
      return 500;
  }
}

}  // namespace

Result<Arguments> Arguments::parse(std::string_view text) {
  std::map<std::string, std::string> values;
  if (text.empty()) return Arguments();
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return fail(Errc::einval, "the request is not a JSON object");
  for (const auto& [name, value] : object.items()) {
    if (value.is_string())
      values[name] = value.get<std::string>();
    else if (value.is_primitive() && !value.is_null())
      values[name] = value.dump();
    else
      return fail(Errc::einval, "'{}' is neither a text, a number nor true or false", name);
  }
  return Arguments(std::move(values));
}

std::string Arguments::text(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? "" : found->second;
}

Result<std::uint64_t> Arguments::number(const std::string& name, std::uint64_t max) const {
  const std::string digits = text(name);
  const bool whole = !digits.empty() && digits.size() < 20 && digits.find_first_not_of("0123456789") == digits.npos;
  const std::uint64_t value = whole ? std::stoull(digits) : 0;
  if (!whole || value > max) return fail(Errc::einval, "'{}' must be a number of 0 to {}", name, max);
  return value;
}

http::Response control_done(const std::string& message, const std::map<std::string, std::string>& more) {
  json answer = more;
  answer["message"] = message;
  return {200, kJson, dump(answer)};
}

http::Response control_failed(int status, const std::string& text) { return {status, kJson, dump({{"error", text}})}; }

http::Response control_failed(const Error& error) {
  return control_failed(status_of(error.code), error.text.empty() ? std::string(errc_text(error.code)) : error.text);
}

void Control::on(std::string path, Handler handler) { handlers_[std::move(path)] = std::move(handler); }

io::Task<http::Response> Control::answer(http::Request request) {
  const auto found = handlers_.find(request.path);
  if (found == handlers_.end()) co_return control_failed(404, "no such command: " + request.path);
  if (request.method != "POST") co_return control_failed(405, "this is asked for with POST");

  const std::string credential = std::exchange(request.headers["authorization"], {});
  auto work = io::on_worker(loop_, [munge = munge_, &credential, &request] {
    return auth::request_signer(munge, credential, {request.method, request.path, request.body});
  });
  const Result<uid_t> uid = co_await work;
  if (!uid) {
    log(Level::warn, "control.refused", {{"path", request.path}, {"peer", request.peer}, {"error", uid.error().text}});
    co_return control_failed(401, uid.error().text);
  }
  if (*uid != 0 && *uid != slurm_user_) {
    log(Level::warn, "control.refused", {{"path", request.path}, {"peer", request.peer}, {"uid", *uid}});
    co_return control_failed(403, "only root and SlurmUser may do this");
  }
  Result<Arguments> arguments = Arguments::parse(request.body);
  if (!arguments) co_return control_failed(arguments.error());
  auto handling = found->second(*uid, std::move(*arguments));
  http::Response response = co_await handling;
  log(Level::info, "control.done", {{"path", request.path}, {"uid", *uid}, {"status", response.status}});
  co_return response;
}

}  // namespace flurm::ctld
