/* bench/vs_slurm_load.c — asks a controller for one kind of work, through Debian's libslurm, and prints what it took.
 *
 *   vs_slurm_load submit JOBS CLIENTS PARTITION   every client submits its part, one after the other
 *   vs_slurm_load list LISTS                      the whole job list, as squeue fetches it
 *   vs_slurm_load life JOBS CLIENTS PARTITION     submits `exit 0`, then waits until none of them is left unfinished
 *
 * SLURM_CONF says which cluster. One line of "key=value" words goes to standard output; times are milliseconds.
 * Each client is a process, because libslurm keeps its configuration per process. bench/vs-slurm builds and runs it.
 */
#include <errno.h>
#include <signal.h>
#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { JOBS_MAX = 100000, CLIENTS_MAX = 64, LIFE_LIMIT_S = 300, LOOK_EVERY_MS = 50 };

/* What the clients share: the time of each request in milliseconds, and how many failed. */
struct board {
  unsigned failed;
  double took_ms[];
};

static double clock_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void die(const char *what) {
  fprintf(stderr, "vs_slurm_load: %s\n", what);
  exit(1);
}

static unsigned number(const char *text, unsigned most) {
  char *end;
  unsigned long value = strtoul(text, &end, 10);
  if (*end != '\0' || value == 0 || value > most) die("a number is out of range");
  return (unsigned)value;
}

static int by_size(const void *left, const void *right) {
  double difference = *(const double *)left - *(const double *)right;
  return (difference > 0) - (difference < 0);
}

/* The smallest time that `percent` of the requests did not exceed. */
static double percentile(const double *sorted, unsigned count, unsigned percent) {
  unsigned rank = (unsigned)(((unsigned long)count * percent + 99) / 100);
  return sorted[rank ? rank - 1 : 0];
}

static int submit_one(char *partition) {
  static char script[] = "#!/bin/sh\nexit 0\n", where[] = "/tmp", nothing[] = "/dev/null", name[] = "load";
  static char path[] = "PATH=/usr/bin:/bin";
  char *environment[] = {path, NULL};
  job_desc_msg_t job;
  submit_response_msg_t *answer = NULL;
  slurm_init_job_desc_msg(&job);
  job.name = name;
  job.script = script;
  job.partition = partition;
  job.environment = environment;
  job.env_size = 1;
  job.user_id = getuid();
  job.group_id = getgid();
  job.work_dir = where;
  job.std_in = job.std_out = job.std_err = nothing;
  job.min_nodes = job.max_nodes = job.num_tasks = job.min_cpus = 1;
  job.time_limit = 5;
  int failed = slurm_submit_batch_job(&job, &answer) != 0;
  if (answer) slurm_free_submit_response_response_msg(answer);
  return failed;
}

/* Runs `clients` processes; client k makes requests k, k + clients, ... */
static void submit_all(struct board *board, unsigned jobs, unsigned clients, char *partition) {
  for (unsigned client = 0; client < clients; ++client) {
    pid_t pid = fork();
    if (pid < 0) die("fork failed");
    if (pid > 0) continue;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (unsigned at = client; at < jobs; at += clients) {
      double begin = clock_ms();
      if (submit_one(partition)) {
        if (__atomic_fetch_add(&board->failed, 1, __ATOMIC_RELAXED) == 0)
          fprintf(stderr, "vs_slurm_load: submission: %s\n", slurm_strerror(slurm_get_errno()));
      }
      board->took_ms[at] = clock_ms() - begin;
    }
    _exit(0);
  }
  while (wait(NULL) > 0 || errno == EINTR) {
  }
}

static void print_times(struct board *board, unsigned count, double took_ms) {
  qsort(board->took_ms, count, sizeof board->took_ms[0], by_size);
  printf("count=%u failed=%u rate=%.2f p50=%.3f p99=%.3f max=%.3f", count, board->failed, count / took_ms * 1e3,
         percentile(board->took_ms, count, 50), percentile(board->took_ms, count, 99), board->took_ms[count - 1]);
}

static job_info_msg_t *job_list(void) {
  job_info_msg_t *jobs = NULL;
  if (slurm_load_jobs(0, &jobs, SHOW_ALL) != 0) die(slurm_strerror(slurm_get_errno()));
  return jobs;
}

/* How many jobs of the partition have not come to their end; completing ones have not. */
static unsigned unfinished(const char *partition) {
  job_info_msg_t *jobs = job_list();
  unsigned count = 0;
  for (unsigned at = 0; at < jobs->record_count; ++at) {
    const slurm_job_info_t *job = &jobs->job_array[at];
    if (!job->partition || strcmp(job->partition, partition) != 0) continue;
    if ((job->job_state & JOB_STATE_BASE) < JOB_COMPLETE || (job->job_state & JOB_COMPLETING)) ++count;
  }
  slurm_free_job_info_msg(jobs);
  return count;
}

static void wait_until_finished(const char *partition, double begin) {
  while (unfinished(partition) > 0) {
    if (clock_ms() - begin > LIFE_LIMIT_S * 1e3) die("the jobs did not come to their end in time");
    struct timespec pause = {0, LOOK_EVERY_MS * 1000000L};
    nanosleep(&pause, NULL);
  }
}

int main(int argc, char **argv) {
  if (argc < 3) die("which work? submit, list or life; see the head of its source");
  const char *work = argv[1];
  unsigned count = number(argv[2], JOBS_MAX);
  size_t bytes = sizeof(struct board) + count * sizeof(double);
  struct board *board = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (board == MAP_FAILED) die("no memory");
  slurm_init(NULL);

  double begin = clock_ms();
  if (strcmp(work, "list") == 0) {
    unsigned records = 0;
    for (unsigned at = 0; at < count; ++at) {
      double since = clock_ms();
      job_info_msg_t *jobs = job_list();
      board->took_ms[at] = clock_ms() - since;
      records = jobs->record_count;
      slurm_free_job_info_msg(jobs);
    }
    print_times(board, count, clock_ms() - begin);
    printf(" records=%u\n", records);
  } else if (argc == 5 && (strcmp(work, "submit") == 0 || strcmp(work, "life") == 0)) {
    char *partition = argv[4];
    submit_all(board, count, number(argv[3], CLIENTS_MAX), partition);
    print_times(board, count, clock_ms() - begin);
    if (strcmp(work, "life") == 0) {
      wait_until_finished(partition, begin);
      printf(" life=%.2f", count / (clock_ms() - begin) * 1e3);
    }
    printf("\n");
  } else {
    die("submit and life want JOBS CLIENTS PARTITION");
  }
  return board->failed != 0;
}
