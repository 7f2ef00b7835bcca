// pmix/server.cpp — see server.hpp.
#include "pmix/server.hpp"

#include <pmix.h>
#include <pmix_server.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <future>
#include <set>

#include "codec/unpack.hpp"
#include "exec/fd.hpp"
#include "fmt/format.h"

namespace flurm::pmix {
namespace {

using exec::StepFrame;

constexpr std::uint16_t kVersion = exec::kStepProtocol;
constexpr unsigned kFinalizeLimitS = 5;

Server* the_server = nullptr;  // callbacks of the library carry nothing that is ours

Result<void> check(pmix_status_t status, const char* doing) {
  if (status == PMIX_SUCCESS || status == PMIX_OPERATION_SUCCEEDED) return {};
  return fail(Errc::node_fork_failed, "PMIx: {}: {}", doing, PMIx_Error_string(status));
}

/// A list of attributes, as the library takes it.
class Infos {
 public:
  Infos() = default;
  Infos(const Infos&) = delete;
  Infos& operator=(const Infos&) = delete;
  ~Infos() {
    for (pmix_info_t& info : infos_) PMIX_INFO_DESTRUCT(&info);
  }
  void add(const char* key, const std::string& text) { add(key, text.c_str(), PMIX_STRING); }
  void add(const char* key, std::uint32_t number) { add(key, &number, PMIX_UINT32); }
  void add_small(const char* key, std::uint16_t number) { add(key, &number, PMIX_UINT16); }
  void add_rank(const char* key, pmix_rank_t rank) { add(key, &rank, PMIX_PROC_RANK); }
  void add_flag(const char* key, bool flag) { add(key, &flag, PMIX_BOOL); }
  /// Takes what is in the group.
  void add_group(const char* key, Infos& group) {
    pmix_info_t& info = infos_.emplace_back();
    PMIX_INFO_CONSTRUCT(&info);
    PMIX_LOAD_KEY(info.key, key);
    info.value.type = PMIX_DATA_ARRAY;
    PMIX_DATA_ARRAY_CREATE(info.value.data.darray, group.size(), PMIX_INFO);
    std::memcpy(info.value.data.darray->array, group.data(), group.size() * sizeof(pmix_info_t));
    group.infos_.clear();
  }
  pmix_info_t* data() { return infos_.data(); }
  std::size_t size() const { return infos_.size(); }

 private:
  void add(const char* key, const void* value, pmix_data_type_t type) {
    pmix_info_t* const info = &infos_.emplace_back();  // the macros name it several times
    PMIX_INFO_CONSTRUCT(info);
    PMIX_INFO_LOAD(info, key, value, type);  // copies
  }
  std::vector<pmix_info_t> infos_;
};

/// Calls what answers later from the library's thread, and waits for that.
template <class Begin>
pmix_status_t wait_for(Begin begin) {
  std::promise<pmix_status_t> answer;
  const pmix_status_t status = begin(
      [](pmix_status_t result, void* data) { static_cast<std::promise<pmix_status_t>*>(data)->set_value(result); },
      &answer);
  return status == PMIX_SUCCESS ? answer.get_future().get() : status;
}

pmix_proc_t proc_of(const std::string& space, pmix_rank_t rank) {
  pmix_proc_t proc;
  PMIX_LOAD_PROCID(&proc, space.c_str(), rank);
  return proc;
}

/// What `text` lists, in the form that the library's clients take.
Result<std::string> as_regex(pmix_status_t (*make)(const char*, char**), const std::string& text, const char* doing) {
  char* made = nullptr;
  FLURM_TRY_VOID(check(make(text.c_str(), &made), doing));
  std::string regex(made);
  std::free(made);
  return regex;
}

/// Hands the library data that lives until it says so.
void hand_over(pmix_modex_cbfunc_t callback, void* context, pmix_status_t status, std::string data) {
  auto* kept = new std::string(std::move(data));
  callback(
      status, kept->data(), kept->size(), context, [](void* held) { delete static_cast<std::string*>(held); }, kept);
}

}  // namespace

/// As the library calls them; friends of the server.
struct Callbacks {
  static pmix_status_t connected(const pmix_proc_t*, void*, pmix_op_cbfunc_t, void*) {
    return PMIX_OPERATION_SUCCEEDED;
  }
  static pmix_status_t finalized(const pmix_proc_t*, void*, pmix_op_cbfunc_t, void*) {
    return PMIX_OPERATION_SUCCEEDED;
  }
  static pmix_status_t aborted(const pmix_proc_t* proc, void*, int status, const char text[], pmix_proc_t[],
                               std::size_t, pmix_op_cbfunc_t, void*) {
    the_server->send(StepFrame::pmix_abort,
                     exec::PmixAbort{.task = proc->rank, .status = status, .text = text ? text : ""});
    return PMIX_OPERATION_SUCCEEDED;
  }
  static pmix_status_t fence(const pmix_proc_t procs[], std::size_t count, const pmix_info_t[], std::size_t, char* data,
                             std::size_t size, pmix_modex_cbfunc_t callback, void* context) {
    the_server->fence(
        procs, count, data ? std::string(data, size) : std::string(),
        [callback, context](std::string all) { hand_over(callback, context, PMIX_SUCCESS, std::move(all)); });
    return PMIX_SUCCESS;
  }
  static pmix_status_t find(const pmix_proc_t* proc, const pmix_info_t[], std::size_t, pmix_modex_cbfunc_t callback,
                            void* context) {
    const bool known = the_server->find(proc->rank, [callback, context](std::int32_t status, std::string data) {
      hand_over(callback, context, status, std::move(data));
    });
    return known ? PMIX_SUCCESS : PMIX_ERR_NOT_FOUND;
  }
};

Server::~Server() {
  std::error_code error;
  if (!directory_.empty()) std::filesystem::remove_all(directory_, error);
}

int Server::run() {
  the_server = this;
  exec::StepFrameReader reader(exec::kStepFrameMax);
  bool serving = false;
  while (true) {
    std::array<char, 65536> buffer;
    const ssize_t n = read(socket_, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    reader.add({buffer.data(), static_cast<std::size_t>(n)});
    while (true) {
      auto frame = reader.next();
      if (!frame) return 1;
      if (!*frame) break;
      if ((*frame)->type == StepFrame::pmix_setup && !serving) {
        auto setup = codec::unpack<exec::PmixSetup>((*frame)->body, kVersion);
        if (!setup) return 1;
        exec::PmixReady ready;
        auto started = start(*setup);
        if (started) started = expect_tasks(ready);
        if (!started) ready = {.error = started.error().text};
        send(StepFrame::pmix_ready, ready);
        if (!started) return 1;
        serving = true;
      } else if ((*frame)->type == StepFrame::pmix_parcel && serving) {
        auto parcel = codec::unpack<exec::StepParcel>((*frame)->body, kVersion);
        if (parcel) take(*parcel);
      }
    }
  }
  alarm(kFinalizeLimitS);  // whatever the library waits for, the step does not
  if (serving) PMIx_server_finalize();
  return 0;
}

Result<void> Server::start(const exec::PmixSetup& setup) {
  step_ = setup.step;
  node_rank_ = setup.node_rank;
  if (node_rank_ >= step_.nodes.size()) return fail(Errc::einval, "PMIx: node {} is not of the step", node_rank_);
  for (std::uint32_t node = 0; node < step_.nodes.size(); ++node) {
    for (const std::uint32_t task : step_.nodes[node].tasks) {
      if (task >= node_of_.size()) node_of_.resize(task + 1);
      node_of_[task] = node;
    }
  }
  fences_ =
      std::make_unique<Fences>(node_rank_, [this](std::uint32_t node, Letter letter) { send_letter(node, letter); });

  std::string directory = "/tmp/flurm-pmix.XXXXXX";
  if (!mkdtemp(directory.data())) return fail(Errc::io, "{}: {}", directory, std::strerror(errno));
  directory_ = directory;
  pmix_server_module_t module{};
  module.client_connected = Callbacks::connected;
  module.client_finalized = Callbacks::finalized;
  module.abort = Callbacks::aborted;
  module.fence_nb = Callbacks::fence;
  module.direct_modex = Callbacks::find;
  Infos infos;
  infos.add(PMIX_USERID, geteuid());
  infos.add(PMIX_GRPID, getegid());
  infos.add(PMIX_SERVER_TMPDIR, directory_);
  FLURM_TRY_VOID(check(PMIx_server_init(&module, infos.data(), infos.size()), "server"));
  return describe_step();
}

/// What every task may ask about itself and the others.
Result<void> Server::describe_step() {
  // Debuggers and tools know a step by this name.
  space_ = "slurm.pmix." + step_.text;
  const std::vector<std::uint32_t>& local = step_.nodes[node_rank_].tasks;
  const auto tasks = static_cast<std::uint32_t>(node_of_.size());
  const auto here = static_cast<std::uint32_t>(local.size());
  std::vector<std::string> names, lists;
  for (const exec::StepNode& node : step_.nodes) {
    names.push_back(node.name);
    lists.push_back(fmt::format("{}", fmt::join(node.tasks, ",")));
  }
  FLURM_TRY(const std::string node_map,
            as_regex([](const char* text, char** out) { return PMIx_generate_regex(text, out); },
                     fmt::format("{}", fmt::join(names, ",")), "nodes"));
  FLURM_TRY(const std::string task_map,
            as_regex([](const char* text, char** out) { return PMIx_generate_ppn(text, out); },
                     fmt::format("{}", fmt::join(lists, ";")), "tasks"));
  Infos infos;
  infos.add(PMIX_JOBID, step_.text);
  infos.add(PMIX_NODEID, node_rank_);
  infos.add_flag(PMIX_SPAWNED, false);
  infos.add(PMIX_TMPDIR, directory_);
  infos.add(PMIX_NSDIR, directory_);
  infos.add_flag(PMIX_TDIR_RMCLEAN, true);
  for (const char* size : {PMIX_UNIV_SIZE, PMIX_JOB_SIZE, PMIX_MAX_PROCS}) infos.add(size, tasks);
  for (const char* size : {PMIX_LOCAL_SIZE, PMIX_NODE_SIZE}) infos.add(size, here);
  infos.add(PMIX_NUM_NODES, static_cast<std::uint32_t>(names.size()));
  infos.add(PMIX_JOB_NUM_APPS, std::uint32_t{1});
  infos.add(PMIX_NODE_MAP, node_map);
  infos.add(PMIX_PROC_MAP, task_map);
  infos.add(PMIX_LOCAL_PEERS, lists[node_rank_]);
  if (here > 0) infos.add_rank(PMIX_LOCALLDR, *std::ranges::min_element(local));
  for (std::uint32_t node = 0; node < step_.nodes.size(); ++node) {
    std::uint16_t local_rank = 0;
    for (const std::uint32_t task : step_.nodes[node].tasks) {
      Infos about;
      about.add_rank(PMIX_RANK, task);
      about.add(PMIX_APPNUM, std::uint32_t{0});
      about.add_rank(PMIX_APPLDR, 0);
      about.add_rank(PMIX_GLOBAL_RANK, task);
      about.add_rank(PMIX_APP_RANK, task);
      about.add_small(PMIX_LOCAL_RANK, local_rank);
      about.add_small(PMIX_NODE_RANK, local_rank++);
      about.add(PMIX_HOSTNAME, names[node]);
      about.add(PMIX_NODEID, node);
      infos.add_group(PMIX_PROC_INFO_ARRAY, about);
    }
  }
  return check(wait_for([&](pmix_op_cbfunc_t done, void* context) {
                 return PMIx_server_register_nspace(space_.c_str(), static_cast<int>(here), infos.data(), infos.size(),
                                                    done, context);
               }),
               "step");
}

Result<void> Server::expect_tasks(exec::PmixReady& ready) {
  for (const std::uint32_t task : step_.nodes[node_rank_].tasks) {
    const pmix_proc_t proc = proc_of(space_, task);
    FLURM_TRY_VOID(check(wait_for([&](pmix_op_cbfunc_t done, void* context) {
                           return PMIx_server_register_client(&proc, geteuid(), getegid(), nullptr, done, context);
                         }),
                         "task"));
    char** env = nullptr;
    FLURM_TRY_VOID(check(PMIx_server_setup_fork(&proc, &env), "environment"));
    exec::PmixTask& about = ready.tasks.emplace_back();
    for (char** entry = env; entry && *entry; ++entry) {
      about.env.emplace_back(*entry);
      std::free(*entry);
    }
    std::free(env);
  }
  return {};
}

// --- the other nodes ----------------------------------------------------------------------------------------------

void Server::fence(const pmix_proc* tasks, std::size_t count, std::string data, Fences::Done done) {
  std::set<std::uint32_t> ranks, nodes;
  for (std::size_t i = 0; i < count; ++i) ranks.insert(tasks[i].rank);
  for (const std::uint32_t rank : ranks) {
    if (rank == PMIX_RANK_WILDCARD) {
      for (std::uint32_t node = 0; node < step_.nodes.size(); ++node) {
        if (!step_.nodes[node].tasks.empty()) nodes.insert(node);
      }
    } else if (rank < node_of_.size()) {
      nodes.insert(node_of_[rank]);
    }
  }
  nodes.insert(node_rank_);
  const std::lock_guard lock(mutex_);
  fences_->enter(fmt::format("{}", fmt::join(ranks, ",")), {nodes.begin(), nodes.end()}, std::move(data),
                 std::move(done));
}

bool Server::find(std::uint32_t task, Found found) {
  if (task >= node_of_.size() || node_of_[task] == node_rank_) return false;
  const std::lock_guard lock(mutex_);
  wanted_.emplace(++requests_, std::move(found));
  send_letter(node_of_[task], {.kind = Letter::Kind::wanted, .number = requests_, .task = task});
  return true;
}

void Server::take(const exec::StepParcel& parcel) {
  auto letter = codec::unpack<Letter>(parcel.data, kVersion);
  if (!letter) return;
  const std::lock_guard lock(mutex_);
  switch (letter->kind) {
    case Letter::Kind::contribution:
    case Letter::Kind::result:
      return fences_->take(parcel.from, std::move(*letter));
    case Letter::Kind::wanted:
      return answer(parcel.from, letter->number, letter->task);
    case Letter::Kind::found:
      if (auto found = wanted_.extract(letter->number)) found.mapped()(letter->status, std::move(letter->data));
      return;
  }
}

/// When the task has published it, which may be later.
void Server::answer(std::uint32_t node, std::uint64_t number, std::uint32_t task) {
  struct Asked {
    std::uint32_t node;
    std::uint64_t number;
  };
  static constexpr auto found = [](pmix_status_t status, char* data, std::size_t size, void* context) {
    const std::unique_ptr<Asked> asked(static_cast<Asked*>(context));
    const std::lock_guard lock(the_server->mutex_);
    the_server->send_letter(asked->node, {.kind = Letter::Kind::found,

                                          .number = asked->number,
                                          .status = status,
                                          .data = data ? std::string(data, size) : std::string()});
  };
  auto asked = std::make_unique<Asked>(node, number);
  const pmix_proc_t proc = proc_of(space_, task);
  const pmix_status_t status = PMIx_server_dmodex_request(&proc, found, asked.get());
  if (status == PMIX_SUCCESS) {
    (void)asked.release();
    return;
  }
  send_letter(node, {.kind = Letter::Kind::found, .number = number, .status = status});
}

void Server::send_letter(std::uint32_t node, const Letter& letter) {
  send(StepFrame::pmix_parcel, exec::StepParcel{.from = node_rank_,
                                                .to = node,
                                                .number = ++sent_[node],
                                                .node = step_.nodes[node].name,
                                                .data = codec::pack(letter, kVersion)});
}

template <class M>
void Server::send(StepFrame type, const M& message) {
  const std::string frame = exec::step_frame(type, codec::pack(message, kVersion));
  const std::lock_guard lock(writing_);
  (void)exec::write_all(socket_, frame);  // who does not read any more has ended the step
}

}  // namespace flurm::pmix
