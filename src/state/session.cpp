// state/session.cpp — the stored form of sessions and replies.
#include "state/session.hpp"

#include "codec/archive.hpp"
#include "codec/pack.hpp"
#include "codec/unpack.hpp"
#include "state/format.hpp"

namespace flurm::state {

void fields(codec::Archive& ar, TargetResult& r) {
  ar("job", r.job);
  ar("task", r.task);
  ar("code", r.code);
}

void fields(codec::Archive& ar, Reply& r) {
  ar("code", r.code);
  ar("text", r.text);
  ar("job", r.job);
  ar("results", r.results);
  ar("step", r.step, codec::since(4));
}

void fields(codec::Archive& ar, RequestId& id) {
  ar("session", id.session);
  ar("number", id.number);
  ar("answered", id.answered);
}

namespace {

/// A reply under its number, and a session under its id: how the maps are stored.
struct StoredReply {
  std::uint64_t number = 0;
  Reply reply;
};
void fields(codec::Archive& ar, StoredReply& r) {
  ar("number", r.number);
  ar("reply", r.reply);
}

struct StoredSession {
  std::uint64_t id = 0;
  TimeS last;
  std::uint64_t answered = 0;
  std::vector<StoredReply> replies;
};
void fields(codec::Archive& ar, StoredSession& s) {
  ar("id", s.id);
  ar("last", s.last);
  ar("answered", s.answered);
  ar("replies", s.replies);
}

}  // namespace

void session_fields(codec::Archive& ar, Sessions& sessions) {
  std::vector<StoredSession> stored;
  for (const auto& [id, session] : sessions) {
    StoredSession& one = stored.emplace_back(StoredSession{id, session.last, session.answered, {}});
    session.replies.for_each([&](std::uint64_t number, const auto& reply) {
      one.replies.push_back({number, *reply});
      return true;
    });
  }
  ar("sessions", stored);
  if (!ar.fills()) return;
  sessions.clear();
  for (StoredSession& one : stored) {
    Session& session = sessions[one.id];
    session.last = one.last;
    session.answered = one.answered;
    for (StoredReply& each : one.replies)
      session.replies.set(each.number, std::make_shared<const Reply>(std::move(each.reply)));
  }
}

std::string encode(const Reply& reply, std::uint16_t format) { return pack_with_format(reply, format); }
Result<Reply> decode_reply(std::string_view bytes) { return unpack_with_format<Reply>(bytes, "reply"); }

}  // namespace flurm::state
