/* fake_nvml.c — a libnvidia-ml.so.1 for tests: four GPUs that are not there, two of them linked twice. With
 * FAKE_NVML_DIVIDED=1 the last one is divided into two instances, with FAKE_NVML=none the driver refuses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_FOUND = 6, DRIVER_NOT_LOADED = 9, GPUS = 4, FIRST_MINOR = 240 };

struct pci {
  char bus_id_legacy[16];
  unsigned domain, bus, device, pci_device_id, pci_subsystem_id;
  char bus_id[32];
};
struct attributes {
  unsigned multiprocessors, copy, decoders, encoders, jpegs, ofas, gpu_slices, compute_slices;
  unsigned long long memory_mib;
};

static char gpus[GPUS], parts[2];

static long gpu_of(void* device) { return (char*)device - gpus; }

static void fill(struct pci* out, long gpu) {
  memset(out, 0, sizeof *out);
  snprintf(out->bus_id, sizeof out->bus_id, "00000000:0%ld:00.0", gpu);
}

int nvmlInit_v2(void) {
  const char* how = getenv("FAKE_NVML");
  return how && !strcmp(how, "none") ? DRIVER_NOT_LOADED : SUCCESS;
}
int nvmlShutdown(void) { return SUCCESS; }
const char* nvmlErrorString(int rc) { return rc == DRIVER_NOT_LOADED ? "Driver Not Loaded" : "some error"; }
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = GPUS;
  return SUCCESS;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  *device = &gpus[index];
  return SUCCESS;
}
int nvmlDeviceGetName(void* device, char* name, unsigned length) {
  snprintf(name, length, "%s", gpu_of(device) < 2 ? "Tesla V100-SXM2-16GB" : "Tesla T4");
  return SUCCESS;
}
int nvmlDeviceGetMinorNumber(void* device, unsigned* number) {
  *number = FIRST_MINOR + gpu_of(device);
  return SUCCESS;
}
int nvmlDeviceGetCpuAffinity(void* device, unsigned words, unsigned long* set) {
  memset(set, 0, words * sizeof *set);
  set[0] = gpu_of(device) < 2 ? 0x0f : 0xf0;
  return SUCCESS;
}
int nvmlDeviceGetPciInfo_v3(void* device, struct pci* out) {
  fill(out, gpu_of(device));
  return SUCCESS;
}
int nvmlDeviceGetNvLinkState(void* device, unsigned link, int* active) {
  if (link >= 6) return INVALID_ARGUMENT;
  *active = gpu_of(device) < 2 && link < 3; /* the third leads to something that is no GPU of ours */
  return SUCCESS;
}
int nvmlDeviceGetNvLinkRemotePciInfo_v2(void* device, unsigned link, struct pci* out) {
  fill(out, link == 2 ? 9 : 1 - gpu_of(device));
  return SUCCESS;
}

int nvmlDeviceGetMigMode(void* device, unsigned* current, unsigned* pending) {
  *current = *pending = getenv("FAKE_NVML_DIVIDED") && gpu_of(device) == GPUS - 1;
  return SUCCESS;
}
int nvmlDeviceGetMaxMigDeviceCount(void* device, unsigned* count) {
  (void)device;
  *count = 7;
  return SUCCESS;
}
int nvmlDeviceGetMigDeviceHandleByIndex(void* device, unsigned index, void** part) {
  (void)device;
  if (index >= 2) return NOT_FOUND;
  *part = &parts[index];
  return SUCCESS;
}
int nvmlDeviceGetGpuInstanceId(void* part, unsigned* id) {
  *id = 7 + ((char*)part - parts);
  return SUCCESS;
}
int nvmlDeviceGetComputeInstanceId(void* part, unsigned* id) {
  (void)part;
  *id = 0;
  return SUCCESS;
}
int nvmlDeviceGetAttributes_v2(void* part, struct attributes* out) {
  (void)part;
  memset(out, 0, sizeof *out);
  out->gpu_slices = 1;
  out->memory_mib = 4864;
  return SUCCESS;
}
int nvmlDeviceGetUUID(void* part, char* uuid, unsigned length) {
  snprintf(uuid, length, "MIG-%ld", (long)((char*)part - parts));
  return SUCCESS;
}
