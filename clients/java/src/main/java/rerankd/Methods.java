package rerankd;

import com.google.protobuf.Message;
import io.grpc.MethodDescriptor;
import io.grpc.protobuf.ProtoUtils;
import rerank.v1.Rerank;

/**
 * The service's methods for gRPC: its name, and how their messages are read and written. That is all that gRPC's own
 * generator (protoc-gen-grpc-java) would add to the messages; this build does without that program.
 */
final class Methods {
  static final String SERVICE = "rerank.v1.RerankService";

  static final MethodDescriptor<Rerank.RerankRequest, Rerank.RerankResponse> RERANK =
      unary("Rerank", Rerank.RerankRequest.getDefaultInstance(), Rerank.RerankResponse.getDefaultInstance());

  static final MethodDescriptor<Rerank.ListModelsRequest, Rerank.ListModelsResponse> LIST_MODELS = unary(
      "ListModels", Rerank.ListModelsRequest.getDefaultInstance(), Rerank.ListModelsResponse.getDefaultInstance());

  private static <Q extends Message, A extends Message> MethodDescriptor<Q, A> unary(String name, Q request, A answer) {
    return MethodDescriptor.<Q, A>newBuilder()
        .setType(MethodDescriptor.MethodType.UNARY)
        .setFullMethodName(MethodDescriptor.generateFullMethodName(SERVICE, name))
        .setRequestMarshaller(ProtoUtils.marshaller(request))
        .setResponseMarshaller(ProtoUtils.marshaller(answer))
        .build();
  }

  private Methods() {}
}
