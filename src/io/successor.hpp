// io/successor.hpp — another program takes this one's place in the same process, and no connection is refused meanwhile:
// the sockets that listen stay open, and who connects waits in their queues until the successor takes them.
//
//   old: keep_listening(), end everything, run_successor()       new: take_inherited() first of all, listen as ever
//
// Process-wide, and for the thread of the one loop; the HTTP server's threads do not come here.
#pragma once
#include <sys/socket.h>

#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace flurm::io {

/// Reads which sockets the program before left listening, and hides that from programs that this one starts.
void take_inherited();
/// This program has taken another one's place.
bool has_inherited();
/// Closes those that nobody asked for: the configuration has other ports now.
void close_inherited();
/// An inherited socket that listens at exactly this address; the caller owns it. -1: there is none.
int inherited_listener(const sockaddr_storage& address);

/// A listener, or the HTTP server, listens on this socket from now on; it is about to close it.
void note_listening(int fd);
void forget_listening(int fd);

/// From now on what listens goes on listening when it is closed here.
void keep_listening();
/// keep_listening() was called, and the sockets must be closed only, never shut down.
bool keeps_listening();

/// What takes this program's place.
struct Successor {
  std::string program;            ///< absolute path
  std::vector<std::string> argv;  ///< argv[0] too
  std::vector<std::pair<std::string, std::string>> environment;  ///< beside ours
};
/// Passes on the sockets kept, and nothing else that is open, standard input and output excepted. Returns only when that
/// failed; all is as before then. Errors: io.
Error run_successor(const Successor& successor);

}  // namespace flurm::io
