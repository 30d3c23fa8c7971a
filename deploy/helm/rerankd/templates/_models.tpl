{{/* Entries of the configuration, those of `models` or the only one. */}}
{{- define "rerankd.models" -}}
{{- $config := include "rerankd.ownConfig" . | fromYaml -}}
{{- if $config.models -}}{{ toJson $config.models }}{{- else if $config.model -}}{{ list $config.model | toJson }}{{- else -}}[]{{- end -}}
{{- end -}}

{{/* Those that come from the hub: [{model, revision}], each once. */}}
{{- define "rerankd.hubModels" -}}
{{- $found := list -}}
{{- range (include "rerankd.models" . | fromJsonArray) -}}
{{- if and (has (default "cross_encoder" .kind) (list "cross_encoder" "bi_encoder")) .model (not .path) (not (regexMatch "^(/|[.]{1,2}/|~)" .model)) -}}
{{- $found = append $found (dict "model" .model "revision" (default "main" .revision)) -}}
{{- end -}}
{{- end -}}
{{- $found | uniq | toJson -}}
{{- end -}}

{{/*
What the init containers fetch: [{model, revision}]. A model of `pull` that states no revision is fetched in each one
that the configuration names, so that what is pinned there is what lies there.
*/}}
{{- define "rerankd.pulls" -}}
{{- $known := include "rerankd.hubModels" . | fromJsonArray -}}
{{- $pulls := list -}}
{{- range .Values.modelCache.pull -}}
{{- $pull := ternary (dict "model" .) . (kindIs "string" .) -}}
{{- if $pull.revision -}}
{{- $pulls = append $pulls (dict "model" $pull.model "revision" $pull.revision) -}}
{{- else -}}
{{- $named := list -}}
{{- range $known -}}
{{- if eq .model $pull.model -}}{{- $named = append $named . -}}{{- end -}}
{{- end -}}
{{- $pulls = concat $pulls (default (list (dict "model" $pull.model "revision" "main")) $named) -}}
{{- end -}}
{{- end -}}
{{- $pulls | uniq | toJson -}}
{{- end -}}

{{- define "rerankd.hubEndpoint" -}}
{{- .Values.modelCache.endpoint | default (dig "hub" "endpoint" "" (include "rerankd.ownConfig" . | fromYaml)) -}}
{{- end -}}

{{- define "rerankd.hubEnv" -}}
{{- with include "rerankd.hubEndpoint" . }}
- {name: HF_ENDPOINT, value: {{ . | quote }}}
{{- end }}
{{- if .Values.modelCache.tokenSecret.name }}
- name: HF_TOKEN
  valueFrom:
    secretKeyRef: {name: {{ .Values.modelCache.tokenSecret.name | quote }}, key: {{ .Values.modelCache.tokenSecret.key | quote }}}
{{- end }}
{{- end -}}

{{/* Init containers that fetch models; nothing where there are none to fetch. */}}
{{- define "rerankd.pull" -}}
{{- range $index, $pull := include "rerankd.pulls" . | fromJsonArray }}
- name: rerankd-pull-{{ $index }}
  image: {{ include "rerankd.image" $ }}
  imagePullPolicy: {{ $.Values.image.pullPolicy }}
  command: [/usr/bin/rerankctl, pull, {{ $pull.model | quote }}, --revision, {{ $pull.revision | quote }}]
  {{- $reach := dict "variables" $.Values.env "only" "^(HF_.*|SSL_CERT_FILE|(?i:(https?|all|no)_proxy))$" }}
  {{- with printf "%s%s" (include "rerankd.hubEnv" $) (include "rerankd.extraEnv" $reach) | trim }}
  env:
    {{- . | nindent 4 }}
  {{- end }}
  resources:
    requests: {cpu: 100m, memory: 64Mi}
    limits: {memory: 256Mi}
  securityContext:
    {{- include "rerankd.securityContext" $ | nindent 4 }}
  volumeMounts:
    - {name: rerankd-models, mountPath: /models}
    {{- with $.Values.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
{{- end -}}
