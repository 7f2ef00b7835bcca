// noded/container.cpp — see container.hpp.
#include "noded/container.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "exec/as_user.hpp"
#include "exec/environment.hpp"
#include "exec/fd.hpp"
#include "fmt/format.h"
#include "io/worker.hpp"
#include "noded/scripts.hpp"

namespace flurm::noded {
namespace {

using nlohmann::json;

constexpr std::size_t kConfigMax = 16u << 20;
constexpr std::string_view kScriptInside = "/tmp/slurm/startup";  // SLURM_CONTAINER_BATCH_SCRIPT
constexpr std::uint64_t kCleanUpMs = 60'000;

/// As Slurm names it; a later run of the job has another one, for what an earlier one left may still be on its way out.
std::string directory_of(const std::string& spool, const exec::StepKey& step) {
  std::string name = fmt::format("{}/oci-job{:05}-", spool, step.job_id);
  if (step.step_id == kBatchStep)
    name += "batch";
  else if (step.step_id == kInteractiveStep)
    name += "interactive";
  else
    name += fmt::format("{:05}", step.step_id);
  return step.restart_count == 0 ? name : fmt::format("{}-run{}", name, step.restart_count);
}

std::string in_quotes(std::string_view word) {
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'')
      out += "'\"'\"'";
    else
      out += c;
  }
  return out + "'";
}

/// What oci.conf's commands stand for in one step.
struct Names {
  const exec::StepLaunch& plan;
  std::string directory, root;
  std::vector<std::string> command;

  Result<std::string> fill(const std::string& pattern) const {
    std::string out;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      if (pattern[i] != '%') {
        out += pattern[i];
        continue;
      }
      const char what = ++i < pattern.size() ? pattern[i] : '\0';
      switch (what) {
        case '%':
          out += '%';
          break;
        case '@':
          for (const std::string& word : command) {
            if (&word != &command.front()) out += ' ';
            out += in_quotes(word);
          }
          break;
        case 'b':
          out += directory;
          break;
        case 'e':
          out += directory + "/environment";
          break;
        case 'j':
          out += std::to_string(plan.key.job_id);
          break;
        case 'n':
          out += plan.node_name;
          break;
        case 'r':
          out += in_quotes(root);  // the user's word
          break;
        case 's':
          out += std::to_string(plan.key.step_id);
          break;
        case 't':
          out += '0';
          break;
        case 'u':
          out += plan.user.name;
          break;
        case 'U':
          out += std::to_string(plan.user.uid);
          break;
        default:
          return fail(Errc::einval, "oci.conf: %{} in \"{}\"", what, pattern);
      }
    }
    return out;
  }
};

/// One command for /bin/sh, which is the task: the container from its beginning to its end.
Result<std::string> life_of(const conf::OciConf& conf, const Names& names) {
  if (!conf.run.empty()) return names.fill(conf.run);
  FLURM_TRY(const std::string create, names.fill(conf.create));
  FLURM_TRY(const std::string start, names.fill(conf.start));
  FLURM_TRY(const std::string query, names.fill(conf.query));
  // The runtime is asked again and again, for it tells of nothing by itself.
  const std::string is = "case $(" + query + " 2>/dev/null | tr -d '[:space:]') in *'\"status\":\"";
  return fmt::format(
      "{0} || exit $?\nn=0; until {2}created\"'*) true;; *) false;; esac; do n=$((n+1)); [ $n -lt 100 ] || exit 1; "
      "sleep "
      "0.1; done\n{1}\nstatus=$?\nwhile {2}running\"'*) true;; *) false;; esac; do sleep 0.1; done\nexit $status\n",
      create, start, is);
}

/// What ends and forgets a container that may be there still.
Result<std::string> end_of(const conf::OciConf& conf, const Names& names) {
  FLURM_TRY(const std::string query, names.fill(conf.query.empty() ? "true" : conf.query));
  FLURM_TRY(const std::string kill, names.fill(conf.kill.empty() ? "true" : conf.kill));
  FLURM_TRY(const std::string remove, names.fill(conf.remove.empty() ? "true" : conf.remove));
  return fmt::format("{} >/dev/null 2>&1 || exit 0\n{} >/dev/null 2>&1\n{} >/dev/null 2>&1\nexit 0\n", query, kill,
                     remove);
}

json bind_mount(std::string_view source, std::string_view destination, bool read_only) {
  json options = json::array({"bind"});
  if (read_only) options.push_back("ro");
  return {{"destination", destination}, {"type", "none"}, {"source", source}, {"options", options}};
}

/// The bundle's own config.json, read with the user's rights.
Result<json> read_bundle(const std::string& bundle, const exec::Identity& user) {
  const exec::AsUser rights(user);
  if (!rights.ready()) return fail(Errc::eperm, "not {}", user.name);
  FLURM_TRY(const std::string text, exec::read_file(bundle + "/config.json", kConfigMax));
  json config = json::parse(text, nullptr, false);
  if (!config.is_object()) return fail(Errc::einval, "{}/config.json is not JSON", bundle);
  return config;
}

Result<void> write_new(const std::string& path, std::string_view text, mode_t mode, uid_t uid, gid_t gid) {
  const exec::Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file || !exec::write_all(file.get(), text) || fchmod(file.get(), mode) != 0 ||
      (geteuid() == 0 && fchown(file.get(), uid, gid) != 0))
    return fail(Errc::io, "{}: {}", path, std::strerror(errno));
  return {};
}

}  // namespace

Result<void> put_in_container(exec::StepLaunch& plan, const std::string& bundle, const conf::OciConf& conf,
                              const std::string& spool) {
  if (plan.tasks.size() != 1) return fail(Errc::bad_task_count, "a container has one task, not {}", plan.tasks.size());
  exec::TaskLaunch& task = plan.tasks.front();
  FLURM_TRY(json config, read_bundle(bundle, plan.user));
  Names names{.plan = plan, .directory = directory_of(spool, plan.key)};
  std::string environment;
  try {  // members of the wrong kind
    names.root = config.at("root").at("path").get<std::string>();
    if (!names.root.starts_with('/')) names.root = bundle + "/" + names.root;
    config["root"]["path"] = names.root;
    json& process = config["process"];
    process["terminal"] = false;  // its streams are ours
    if (!config.contains("mounts")) config["mounts"] = json::array();
    if (plan.key.step_id == kBatchStep) {
      config["mounts"].push_back(bind_mount(task.argv.front(), kScriptInside, true));
      task.argv.front() = kScriptInside;
    }
    process["args"] = task.argv;
    exec::Environment env(plan.env);
    env.merge(task.env);
    if (!process.contains("env")) process["env"] = json::array();
    for (const std::string& entry : env.entries()) {
      process["env"].push_back(entry);
      environment.append(entry).push_back('\0');
    }
  } catch (const json::exception& error) {
    return fail(Errc::einval, "{}/config.json: {}", bundle, error.what());
  }
  names.command = task.argv;
  FLURM_TRY(const std::string life, life_of(conf, names));
  FLURM_TRY(const std::string end, end_of(conf, names));

  std::error_code error;
  std::filesystem::remove_all(names.directory, error);  // of a run before this one
  if (mkdir(names.directory.c_str(), 0750) != 0) return fail(Errc::io, "{}: {}", names.directory, std::strerror(errno));
  const std::string text = config.dump(2, ' ', false, json::error_handler_t::replace);
  FLURM_TRY_VOID(write_new(names.directory + "/config.json", text, 0640, 0, plan.user.gid));
  FLURM_TRY_VOID(write_new(names.directory + "/end", end, 0640, 0, plan.user.gid));
  if (conf.create_env_file) {
    FLURM_TRY_VOID(write_new(names.directory + "/environment", environment, 0640, 0, plan.user.gid));
  }
  if (geteuid() == 0 && chown(names.directory.c_str(), plan.user.uid, plan.user.gid) != 0)
    return fail(Errc::io, "{}: {}", names.directory, std::strerror(errno));
  plan.work_dir = names.directory;
  task.argv = {"/bin/sh", "-c", life};
  return {};
}

io::Task<void> remove_container(io::Loop& loop, io::ChildWatch& children, std::string spool, exec::StepKey step,
                                std::uint32_t uid, std::uint32_t gid) {
  const std::string directory = directory_of(spool, step);
  if (access(directory.c_str(), F_OK) != 0) co_return;
  ScriptCall call{.kind = "container", .program = "/bin/sh", .argv = {"sh", directory + "/end"}};
  if (geteuid() == 0) {
    call.program = "/usr/bin/setpriv";
    call.argv = {
        "setpriv",         fmt::format("--reuid={}", uid), fmt::format("--regid={}", gid), "--clear-groups", "/bin/sh",
        directory + "/end"};
  }
  call.env.set("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin");
  call.timeout_ms = kCleanUpMs;
  auto running = run_script(loop, children, std::move(call));
  (void)co_await running;
  auto removing = io::on_worker(loop, [directory] {
    std::error_code error;
    std::filesystem::remove_all(directory, error);
    return error.message();
  });
  (void)co_await removing;
}

}  // namespace flurm::noded
