{{/* The port of a URL, or of host:port. */}}
{{- define "rerankd.portOf" -}}
{{- $url := regexReplaceAll "^([a-z]+://)?[^/@]*@" (toString .) "${1}" -}}
{{- $port := regexReplaceAll "^([a-z]+://)?(\\[[^]]*\\]|[^:/?#]*)(:([0-9]+))?.*$" $url "${4}" -}}
{{- if $port -}}{{ $port }}{{- else if hasPrefix "http://" $url -}}80{{- else -}}443{{- end -}}
{{- end -}}

{{/* The TCP ports that the server and the init containers call, by what the values say of hub, providers, proxy and collector: [443, …] */}}
{{- define "rerankd.egressPorts" -}}
{{- $config := include "rerankd.ownConfig" . | fromYaml -}}
{{- $urls := list -}}
{{- if or .Values.modelCache.pull (include "rerankd.hubModels" . | fromJsonArray) -}}
{{- $urls = append $urls (include "rerankd.hubEndpoint" . | default "https://huggingface.co") -}}
{{- end -}}
{{- range (include "rerankd.models" . | fromJsonArray) -}}
{{- if not (has (default "cross_encoder" .kind) (list "cross_encoder" "bi_encoder")) -}}
{{- $urls = append $urls (default "https://" .base_url) -}}
{{- end -}}
{{- end -}}
{{- with dig "tracing" "endpoint" "" $config -}}{{- $urls = append $urls . -}}{{- end -}}
{{- range .Values.env -}}
{{- if and .value (regexMatch "^(HTTPS_PROXY|https_proxy|HTTP_PROXY|http_proxy|HF_ENDPOINT|OTEL_EXPORTER_OTLP_ENDPOINT|RERANKD_TRACING_ENDPOINT|RERANKD_HUB_ENDPOINT|[A-Z_]+_(BASE_)?URL)$" .name) -}}
{{- $urls = append $urls .value -}}
{{- end -}}
{{- end -}}
{{- $ports := list -}}
{{- range $urls -}}{{- $ports = append $ports (include "rerankd.portOf" . | atoi) -}}{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}
