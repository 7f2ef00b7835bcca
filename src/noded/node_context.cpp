// noded/node_context.cpp — see node_context.hpp.
#include "noded/node_context.hpp"

#include <unistd.h>

#include "base/log.hpp"
#include "io/timer.hpp"
#include "io/worker.hpp"
#include "noded/scripts.hpp"

namespace flurm::noded {
namespace {

Result<exec::Identity> look_up(auth::Users& users, std::uint32_t uid, std::uint32_t gid) {
  auto user = users.by_uid(uid);
  if (!user) return fail(Errc::node_uid_not_found, "uid {}: {}", uid, user.error().text);
  user->gid = gid;
  auto groups = users.groups_of(*user);
  if (!groups) return fail(Errc::node_uid_not_found, "groups of {}: {}", user->name, groups.error().text);
  exec::Identity identity{.uid = uid, .gid = gid, .gids = {}, .name = user->name};
  identity.gids.assign(groups->begin(), groups->end());
  return identity;
}

}  // namespace

io::Task<std::uint32_t> NodeContext::ask_until_answered(Outgoing message) {
  Pauses pauses;
  while (true) {
    auto asking = controller.ask(message);
    auto code = co_await asking;
    if (code) co_return *code;
    const std::uint64_t pause_ms = pauses.next_ms();
    log(Level::warn, "noded.controller_silent",
        {{"message", wire::msg_type_name(message.type)}, {"error", code.error().text}, {"retry_ms", pause_ms}});
    auto waiting = io::sleep(loop, pause_ms);
    co_await waiting;
  }
}

io::Task<int> NodeContext::run_plugins(std::string kind, std::uint64_t timeout_ms, exec::Environment env) {
  if (kind == "prolog" ? !spank.prolog : !spank.epilog) co_return 0;
  ScriptCall call{.kind = "spank-" + kind,
                  .program = spank_program(setup.supervisor_program),
                  .argv = {"flurmspank", kind, setup.settings.plugstack, setup.settings.plugin_dir},
                  .env = std::move(env)};
  call.timeout_ms = timeout_ms;
  auto running = run_script(loop, children, std::move(call));
  const ScriptResult result = co_await running;
  if (result.wait_status == 0 && !result.output.empty())
    log(Level::info, "noded.spank", {{"kind", kind}, {"said", result.output}});
  co_return result.wait_status;
}

io::Task<int> NodeContext::run_job_scripts(std::string kind, std::string pattern, std::uint16_t timeout_s,
                                           exec::Environment env) {
  const bool serial = setup.config.prolog_flags & conf::kPrologSerial;
  while (serial && scripts_busy_) {
    auto waiting = scripts_free_.changed();
    (void)co_await waiting;
  }
  if (serial) scripts_busy_ = true;
  if (timeout_s == kNoVal16) timeout_s = setup.config.prolog_epilog_timeout;
  const std::uint64_t timeout_ms = timeout_s == kNoVal16 ? 0 : std::uint64_t{timeout_s} * 1000;
  auto plugins = run_plugins(kind, timeout_ms, env);
  int status = co_await plugins;
  if (!pattern.empty()) {
    ScriptCall call{.kind = std::move(kind), .program = {}, .env = std::move(env)};
    call.timeout_ms = timeout_ms;
    auto running = run_scripts(loop, children, std::move(pattern), std::move(call));
    if (const int of_scripts = co_await running; of_scripts != 0) status = of_scripts;
  }
  if (serial) {
    scripts_busy_ = false;
    scripts_free_.notify();
  }
  co_return status;
}

io::Task<Result<exec::Identity>> NodeContext::identity_for(wire::Identity claimed) {
  if (geteuid() != 0 && claimed.uid != geteuid()) {
    co_return fail(Errc::node_set_uid_or_gid, "this daemon runs as uid {}, the job as uid {}", geteuid(), claimed.uid);
  }
  if (!claimed.pw_name.empty() && !claimed.gids.empty()) {
    co_return exec::Identity{.uid = claimed.uid, .gid = claimed.gid, .gids = claimed.gids, .name = claimed.pw_name};
  }
  auth::Users* const from = &users;
  auto looking = io::on_worker(loop, [from, uid = claimed.uid, gid = claimed.gid] { return look_up(*from, uid, gid); });
  co_return co_await looking;
}

}  // namespace flurm::noded
