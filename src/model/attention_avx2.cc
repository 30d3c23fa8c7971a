// The attention kernel for processors with AVX2 and FMA; compiled with flags of its own, called
// only after a look at the processor.
#include "model/attention_kernel.h"

namespace rerankd {

void AttendHeadAvx2(const HeadArguments<float>& head) { AttendHead<8>(head); }
void AttendHeadAvx2(const HeadArguments<Bf16>& head) { AttendHead<8>(head); }

}  // namespace rerankd
