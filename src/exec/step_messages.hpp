// exec/step_messages.hpp — what the node daemon and a step's supervisor tell each other over a unix socket.
//
// A frame is u32 length (of what follows), u16 type, body. The supervisor gets StepLaunch as the first frame on its
// standard input, a socket; later connections come in on the socket file of the step. On every connection the
// supervisor first sends StepState, answers each request with StepReply in order, and says StepEnded when the step
// is over. It then waits for StepRelease, which means that the controller knows; so an end is never lost, whoever
// restarts meanwhile. StepState comes again whenever tasks started or ended; what of it srun was told the daemon says
// with StepTold. The state file has the same news, in case supervisor and daemon are killed together. The version is
// the first field of both greetings; a supervisor may be older than the daemon, or be started by an older one, and then
// both speak the older version.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/types.hpp"
#include "codec/archive.hpp"
#include "exec/identity.hpp"
#include "exec/process_tracker.hpp"

namespace flurm::exec {

inline constexpr std::uint16_t kStepProtocol = 4, kStepProtocolOldest = 1;
/// Batch scripts and environments travel in StepLaunch; everything else is small.
inline constexpr std::size_t kLaunchFrameMax = 256u << 20, kStepFrameMax = 4u << 20;

enum class StepFrame : std::uint16_t {
  launch = 1,
  signal = 2,
  terminate = 3,
  suspend = 4,
  resume = 5,
  notify = 6,
  query = 7,
  release = 8,
  attach = 9,
  told = 10,
  pmi = 11,
  parcel_sent = 12,
  state = 101,
  reply = 102,
  ended = 103,
  parcel = 104,
  // Between the supervisor and its PMIx server (flurmpmix).
  pmix_setup = 201,
  pmix_ready = 202,
  pmix_parcel = 203,
  pmix_abort = 204,
  // Between the supervisor and the forwarder of its user's display (flurmx11).
  x11_setup = 205,
  x11_ready = 206,
};

/// Which run of which step: a requeued job runs again under the same id.
struct StepKey {
  std::uint32_t job_id = 0, step_id = kBatchStep, restart_count = 0;
  std::uint32_t het_component = kNoVal32;
  auto operator<=>(const StepKey&) const = default;
};

enum class StreamKind : std::uint8_t {
  file,      ///< `path`, opened by the task as the user
  clients,   ///< srun, and whoever attached
  labelled,  ///< `path`, written by the supervisor with the task's number before each line
};

/// Where one of a task's standard streams leads.
struct TaskStream {
  StreamKind kind = StreamKind::file;
  std::string path;
};

struct TaskLaunch {
  std::uint32_t global_id = 0;
  std::vector<std::string> argv;
  std::vector<std::string> env;  ///< in addition to the step's
  TaskStream in, out, err;
  std::vector<std::uint64_t> cpus;  ///< CPU n is bit n % 64 of word n / 64; empty: wherever the kernel likes
  std::string cpu_bind_report;      ///< lines for the first task's standard error, "{}" standing for the pid; or empty
  std::vector<std::uint64_t>
      memory_nodes;               ///< NUMA nodes that memory comes from, as `cpus`; empty: the kernel's choice
  bool memory_preferred = false;  ///< others will do when these are full
  std::vector<DeviceNumber> denied_devices;  ///< see StepLaunch; empty: as the step
};

/// A program that follows the step: srun or sattach.
struct StepClient {
  std::string host;                             ///< numeric address
  std::uint16_t io_port = 0, message_port = 0;  ///< 0: none wanted
  std::uint16_t version = 0;                    ///< Slurm's protocol
  std::string io_key;                           ///< shows the client that it is us who connect
};

/// --pty: the first task of the step runs on a terminal.
struct StepTerminal {
  std::uint16_t port = 0;  ///< of srun, which tells new sizes there
  std::uint16_t rows = 0, columns = 0;
};

/// srun --mpi=pmi2: what the tasks' process manager knows.
struct StepPmi {
  std::uint16_t srun_port = 0;  ///< takes what a node's tasks have put
  std::uint32_t node_id = 0, task_count = 0;
  std::string job_text;  ///< "7.0"
  std::string process_mapping, reserved_ports;
};

/// A node of the step and the tasks it runs.
struct StepNode {
  std::string name;
  std::vector<std::uint32_t> tasks;  ///< global ids, by local id
};

/// srun --mpi=pmix.
struct StepPmix {
  std::vector<StepNode> nodes;   ///< of the step, in its order
  std::string text;              ///< "7.0"
  std::uint16_t abort_port = 0;  ///< srun's, which takes the status that MPI_Abort was given; 0: none
};

/// srun --x11: where the display of the job's user is, and what opens it.
struct StepX11 {
  std::uint32_t job_id = 0;
  std::string client_host;  ///< of the salloc or srun that leads connections on; numeric address
  std::uint16_t client_port = 0;
  std::uint16_t version = 0;      ///< of Slurm's protocol
  std::string cookie;             ///< hexadecimal digits
  std::string target;             ///< host of the display as the client sees it, or the path of its socket
  std::uint16_t target_port = 0;  ///< 0: target is a path
  std::string directory;          ///< where the key gets a file of its own; empty: ~/.Xauthority
  std::string munge_socket;       ///< empty: the system's
};
/// The display on this node.
struct X11Ready {
  std::uint16_t display = 0;
  std::string xauthority;  ///< file with the key
  std::string error;       ///< why there is none
};

/// An option of a SPANK plugin that the user gave to srun.
struct SpankOption {
  std::string name, plugin, value;
};

/// Directories that the job has for itself on this node (job_container/tmpfs).
struct StepSpace {
  std::string base;  ///< below it the job's directory, which is made by the first step that needs it
  bool make_base = false, shared = false;
  std::vector<std::string> directories;
  std::string init_script;
  std::vector<std::string> init_env;
};

/// The site's SPANK plugins, and what they may ask about the step and StepLaunch does not say otherwise.
struct StepSpank {
  std::string plugstack, plugin_dir;  ///< path of plugstack.conf; directories, ':' between
  std::vector<SpankOption> options;
  std::vector<std::string> argv;  ///< as the user gave it
  std::uint32_t task_count = 1, cpus_per_task = 1, array_job_id = 0, array_task_id = kNoVal32;
  std::uint16_t cpus = 0;             ///< of this node
  std::string job_cores, step_cores;  ///< of this node: "0-3,8"
  std::uint64_t job_memory_mib = 0, step_memory_mib = 0;
};

struct StepLaunch {
  std::uint16_t protocol = kStepProtocol;
  StepKey key;
  Identity user;
  std::string node_name;
  std::string directory;  ///< of this job in the spool: script, socket and state file go here
  std::string script;     ///< text of the batch script; becomes <directory>/slurm_script
  std::vector<std::string> env;
  std::string work_dir;
  bool append = false;
  std::optional<std::uint32_t> umask;
  std::optional<std::int32_t> nice;
  std::uint32_t rlimit_mask = 0;
  std::uint64_t memory_mib = 0;  ///< allocated to the step on this node; 0: no limit known
  std::string admin_prolog, user_prolog, admin_epilog, user_epilog;
  TrackerKind tracker = TrackerKind::session;
  std::string cgroup_root, cgroup_path;
  bool limit_memory = false;                    ///< let the kernel enforce memory_mib, where the tracker can
  bool kill_over_memory = false;                ///< kill when a sample exceeds memory_mib
  std::uint32_t sample_interval_s = 0;          ///< 0: no sampling
  std::string log_file;                         ///< of the daemon; empty: the supervisor's standard error
  std::vector<TaskLaunch> tasks;                ///< of this node, by local id
  std::uint32_t node_rank = 0, node_count = 1;  ///< among the nodes of the step
  std::string node_above;                       ///< which is told when the step is over here; empty: the controller
  std::optional<StepClient> client;             ///< who started the step
  bool line_buffered = true;                    ///< else output goes out as it comes, and tasks see a terminal
  std::optional<StepTerminal> terminal;
  std::uint32_t label_offset = 0;  ///< added to a task's number in labels
  std::optional<StepPmi> pmi;
  std::uint64_t job_memory_mib =
      0;                      ///< of the whole job on this node, where memory_mib is the step's; 0: they are the same
  bool for_debugger = false;  ///< tasks stand still at the first instruction of their programs
  std::optional<StepPmix> pmix;
  std::uint32_t profile_interval_s = 0;  ///< for StepState
  std::string opening;                   ///< a line for the first task's standard error, before all else; or empty
  std::optional<StepSpace> space;
  std::optional<StepX11> x11;                ///< of the extern step
  std::optional<StepSpank> spank;            ///< there are plugins: only flurmspank can run this step
  std::vector<DeviceNumber> denied_devices;  ///< of the node, which the step cannot open
};

/// Signals with numbers Slurm made up to say why (slurm 22.05 slurm_protocol_defs.h SIG_*).
enum SlurmSignal : std::uint16_t {
  kSignalOutOfMemory = 253,
  kSignalTermKill = 991,
  kSignalUncorrectableMemory = 992,
  kSignalRequeued = 993,
  kSignalPreempted = 994,
  kSignalDebugWake = 995,
  kSignalTimeLimit = 996,
  kSignalAbort = 997,
  kSignalNodeFail = 998,
  kSignalFailure = 999,
};

enum class SignalScope : std::uint8_t {
  all,            ///< every process of the step
  batch_process,  ///< the batch script's shell alone
  process_group,  ///< the batch script's process group
};

struct StepSignal {
  std::uint16_t signal = 0;  ///< of the system, or a SlurmSignal
  SignalScope scope = SignalScope::all;
  std::string details;        ///< reason to show to the user
  std::uint32_t grace_s = 0;  ///< kSignalTermKill: between SIGTERM and SIGKILL
};

/// Ends the step: tells the user why, SIGCONT, SIGTERM, after the grace SIGKILL until nothing is left. A suspended
/// step is killed at once, as is any with grace 0.
struct StepTerminate {
  std::uint16_t why = 0;  ///< 0 (cancelled) or a SlurmSignal
  std::string details;
  std::uint32_t grace_s = 0;
};

/// Text for the step's standard error.
struct StepNotify {
  std::string text;
};

/// A client joins: it gets what comes, and the last of what came. Answered with the state.
struct StepAttach {
  StepClient client;
};

/// What the clients have been told of StepState and need not be told again.
struct StepTold {
  bool launch = false;
  std::vector<std::uint32_t> exits;  ///< global task ids
};

/// From srun's process manager, or a packed StepParcel from another node of the step.
struct StepPmiData {
  std::string data;
};

/// What this node's PMIx server has for another node's. The supervisor keeps it until the daemon says StepParcelSent,
/// and gives it to each daemon that comes.
struct StepParcel {
  std::uint32_t from = 0, to = 0;  ///< places among the step's nodes
  std::uint64_t number = 0;        ///< from 1, counted for each pair of nodes
  std::string node;                ///< the receiver's name; for the daemon
  std::string data;
};
struct StepParcelSent {
  std::uint32_t to = 0;
  std::uint64_t number = 0;
};

/// The first thing the PMIx server gets.
struct PmixSetup {
  StepPmix step;
  std::uint32_t node_rank = 0;
};
/// Its answer, when tasks may be started.
struct PmixTask {
  std::vector<std::string> env;  ///< NAME=VALUE
};
struct PmixReady {
  std::vector<PmixTask> tasks;  ///< of this node, by local id
  std::string error;            ///< why there are none
};
struct PmixAbort {
  std::uint32_t task = 0;
  std::int32_t status = 0;
  std::string text;
};

enum class StepStage : std::uint8_t { starting, running, ending, ended };

struct StepUsage {
  std::uint64_t user_us = 0, system_us = 0;  ///< of ended and living processes
  std::uint64_t rss_max_bytes = 0, virtual_max_bytes = 0;
  std::uint64_t rss_total_bytes = 0;  ///< at the last sample
  // Kept for tasks alone.
  std::uint64_t virtual_total_bytes = 0;  ///< at the last sample
  std::uint64_t major_faults = 0, read_bytes = 0, written_bytes = 0;
  std::uint32_t cpu_frequency = 0;  ///< mean over the time it ran, in the units of exec::cpu_frequency()
  bool operator==(const StepUsage&) const = default;
};

struct TaskState {
  std::uint32_t global_id = 0, pid = 0;
  bool exited = false, told = false;
  std::uint32_t wait_status = 0;
  std::string program;
  StepUsage usage;  ///< of one that has exited, without what it left running
};

/// How the step ended.
struct StepEnd {
  std::uint32_t wait_status = 0;  ///< as of wait(2); kSignalOutOfMemory; an Errc where the streams failed
  std::int32_t slurm_rc = 0;      ///< Errc of a failed launch, else 0
  bool aborted = false;           ///< by kSignalAbort: the controller wants no report
  TimeS ended_at;
  StepUsage usage;
};

struct StepState {
  std::uint16_t protocol = kStepProtocol;
  StepKey key;
  std::uint32_t uid = 0, gid = 0;
  std::uint32_t supervisor_pid = 0;
  std::uint64_t supervisor_start_ticks = 0;
  std::uint32_t task_pid = 0;  ///< 0 before and after
  TimeS started_at;
  StepStage stage = StepStage::starting;
  bool suspended = false;
  StepUsage usage;
  std::vector<std::uint32_t> pids;  ///< only in the answer to a query
  std::optional<StepEnd> end;
  std::vector<TaskState> tasks;
  std::uint32_t node_rank = 0, node_count = 1;
  std::vector<StepClient> clients;  ///< without their keys
  bool launch_told = false;
  bool kill_wanted = false;              ///< a task asked for the end of the whole step
  std::uint16_t x11_display = 0;         ///< of the extern step: for the job's tasks on this node; 0: none
  std::string xauthority;                ///< file with the key to it
  std::string node_above;                ///< as in StepLaunch
  std::uint32_t profile_interval_s = 0;  ///< between samples that the daemon takes of the tasks; 0: none
};

/// Answer to a request: an Errc, and for `query` the state.
struct StepReply {
  std::int32_t rc = 0;
  std::optional<StepState> state;
};

void fields(codec::Archive& ar, Identity& m);
void fields(codec::Archive& ar, StepKey& m);
void fields(codec::Archive& ar, TaskStream& m);
void fields(codec::Archive& ar, DeviceNumber& m);
void fields(codec::Archive& ar, TaskLaunch& m);
void fields(codec::Archive& ar, StepClient& m);
void fields(codec::Archive& ar, StepTerminal& m);
void fields(codec::Archive& ar, StepPmi& m);
void fields(codec::Archive& ar, StepPmiData& m);
void fields(codec::Archive& ar, StepNode& m);
void fields(codec::Archive& ar, StepPmix& m);
void fields(codec::Archive& ar, StepParcel& m);
void fields(codec::Archive& ar, StepParcelSent& m);
void fields(codec::Archive& ar, PmixSetup& m);
void fields(codec::Archive& ar, PmixTask& m);
void fields(codec::Archive& ar, PmixReady& m);
void fields(codec::Archive& ar, PmixAbort& m);
void fields(codec::Archive& ar, StepX11& m);
void fields(codec::Archive& ar, X11Ready& m);
void fields(codec::Archive& ar, StepSpace& m);
void fields(codec::Archive& ar, SpankOption& m);
void fields(codec::Archive& ar, StepSpank& m);
void fields(codec::Archive& ar, StepLaunch& m);
void fields(codec::Archive& ar, StepAttach& m);
void fields(codec::Archive& ar, StepTold& m);
void fields(codec::Archive& ar, TaskState& m);
void fields(codec::Archive& ar, StepSignal& m);
void fields(codec::Archive& ar, StepTerminate& m);
void fields(codec::Archive& ar, StepNotify& m);
void fields(codec::Archive& ar, StepUsage& m);
void fields(codec::Archive& ar, StepEnd& m);
void fields(codec::Archive& ar, StepState& m);
void fields(codec::Archive& ar, StepReply& m);

/// The version a greeting is in, by its first field; the present one where that is none of ours, so that unpacking
/// fails.
std::uint16_t greeting_protocol(std::string_view body);
Result<StepLaunch> unpack_launch(std::string_view body);
Result<StepState> unpack_state(std::string_view body);
/// The clients know that much of the state now.
void note_told(StepState& state, const StepTold& told);

/// One frame around an encoded body.
std::string step_frame(StepFrame type, std::string_view body);

/// Cuts a byte stream into frames.
class StepFrameReader {
 public:
  explicit StepFrameReader(std::size_t frame_max) : frame_max_(frame_max) {}
  void add(std::string_view bytes) { buffer_.append(bytes); }
  struct Frame {
    StepFrame type{};
    std::string body;
  };
  /// The next whole frame; nullopt when more bytes are needed. Errors: corrupt (too long or too short).
  Result<std::optional<Frame>> next();

 private:
  std::size_t frame_max_;
  std::string buffer_;
};

/// Names below the spool directory, and inside a job's directory.
std::string job_directory(std::string_view spool, std::uint32_t job_id);
inline constexpr std::string_view kScriptName = "slurm_script";
/// "step_batch", "step_extern", "step_interactive" or "step_7": the base name of the socket (.sock) and of the state
/// file
/// (.state).
std::string step_file_name(std::uint32_t step_id);
/// The way back; nullopt for no such name.
std::optional<std::uint32_t> step_of_file_name(std::string_view name);

}  // namespace flurm::exec
