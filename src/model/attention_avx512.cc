// The attention kernel for processors with AVX-512; compiled with flags of its own, called only
// after a look at the processor.
#include "model/attention_kernel.h"

namespace rerankd {

void AttendHeadAvx512(const HeadArguments<float>& head) { AttendHead<16>(head); }
void AttendHeadAvx512(const HeadArguments<Bf16>& head) { AttendHead<16>(head); }

}  // namespace rerankd
