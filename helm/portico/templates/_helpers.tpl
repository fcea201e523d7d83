{{/* Every template begins with it: a value that is null, or in an object that is null, is the default. */}}
{{- define "portico.start" -}}
{{- include "portico.refuseRenamed" . -}}
{{- include "portico.fill" (list .Values (include "portico.defaults" . | fromJson)) -}}
{{- range $listener := list "public" "internal" -}}
{{- $tls := index $.Values.tls $listener -}}
{{- if and $tls.certificate.enabled (not $tls.secretName) -}}
{{- $_ := set $tls "secretName" (printf "%s-%s-tls" (include "portico.fullname" $) $listener) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* files/renamed.json has the names of earlier charts, and of other charts, with the name here. */}}
{{- define "portico.refuseRenamed" -}}
{{- range $old, $new := .Files.Get "files/renamed.json" | fromJson -}}
{{- $at := $.Values -}}
{{- range $part := splitList "." $old -}}
{{- if kindIs "map" $at }}{{ $at = index $at $part }}{{ else }}{{ $at = index (dict) "" }}{{ end -}}
{{- end -}}
{{- if not (kindIs "invalid" $at) }}{{ fail (printf "%s is called %s in this chart: rename it in your values." $old $new) }}{{ end -}}
{{- end -}}
{{- end }}

{{- define "portico.fill" -}}
{{- $values := index . 0 -}}
{{- range $key, $default := index . 1 -}}
{{- if kindIs "invalid" (index $values $key) -}}
{{- $_ := set $values $key $default -}}
{{- else if and (kindIs "map" $default) (ne $key "resources") -}}{{/* of resources, a null takes a limit away */}}
{{- include "portico.fill" (list (index $values $key) $default) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "portico.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* A Service's name begins with a letter and has no dot (RFC 1035), while a release may be called 2024 or v1.2. */}}
{{- define "portico.fullname" -}}
{{- $name := include "portico.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else -}}
{{- $release := .Release.Name | replace "." "-" -}}
{{- $digits := regexMatch "^[0-9]" $release -}}
{{- $full := ternary (printf "%s-%s" $name $release) (printf "%s-%s" $release $name) $digits -}}
{{- if and (contains $name $release) (not $digits) }}{{ $full = $release }}{{ end -}}
{{- ternary (printf "portico-%s" $full) $full (regexMatch "^[0-9]" $full) | replace "." "-" | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* What never changes over the life of a release: a Deployment's selector cannot be. */}}
{{- define "portico.selectorLabels" -}}
app.kubernetes.io/name: {{ include "portico.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: server
{{- end }}

{{/* Of every object; the component is said apart, so that no Service finds the pods of the migration. */}}
{{- define "portico.labels" -}}
app.kubernetes.io/name: {{ include "portico.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
{{- end }}

{{- define "portico.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "portico.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{- required "serviceAccount.name is needed where serviceAccount.create is false." .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "portico.image" -}}
{{- $repository := required "image.repository is needed: where you pushed the image that the Dockerfile makes." .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest }}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* The user of the image (its Dockerfile says USER 65532), nothing that a container could do beyond running. */}}
{{- define "portico.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "portico.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "portico.databaseSecret" -}}
{{- required "secrets.database.name is needed: a Secret with the URL of PostgreSQL (postgres://user:password@host:5432/database)." .Values.secrets.database.name }}
{{- end }}

{{/* The fewest replicas that run while nothing is wrong. */}}
{{- define "portico.replicasMin" -}}
{{- ternary .Values.autoscaling.minReplicas .Values.replicaCount .Values.autoscaling.enabled | int }}
{{- end }}

{{/* Everything that has to hold between values, each with what to do. */}}
{{- define "portico.validate" -}}
{{- $redis := default dict .Values.config.redis -}}
{{- $scaling := .Values.autoscaling -}}
{{- $replicasMost := ternary $scaling.maxReplicas .Values.replicaCount $scaling.enabled | int -}}
{{- if and (gt $replicasMost 1) (not .Values.secrets.redisUrl.name) (not $redis.nodes) -}}
{{- fail (printf "%s: more than one replica needs Redis (config.redis.nodes or secrets.redisUrl.name): without it an invalidation reaches only one of them." (ternary "autoscaling.maxReplicas" "replicaCount" $scaling.enabled)) }}
{{- end -}}
{{- if $scaling.enabled -}}
{{- if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) -}}
{{- fail (printf "autoscaling.minReplicas: at most autoscaling.maxReplicas, which is %d." (int $scaling.maxReplicas)) }}
{{- end -}}
{{- if and (eq (int $scaling.cpuPercent) 0) (eq (int $scaling.liveStreams) 0) -}}
{{- fail "autoscaling: cpuPercent, liveStreams or both are needed: nothing else says how many replicas there are to be." }}
{{- end -}}
{{- if and (gt (int $scaling.cpuPercent) 0) (not (dig "requests" "cpu" "" (default dict .Values.resources))) -}}
{{- fail "resources.requests.cpu is needed where autoscaling.cpuPercent is not 0: it is a share of that request." }}
{{- end -}}
{{- $connections := mul (dig "public" "limits" "connections" 10000 .Values.config) (default 1 .Values.config.workers) | int -}}
{{- if ge (int $scaling.liveStreams) $connections -}}
{{- fail (printf "autoscaling.liveStreams: less than %d, which is config.public.limits.connections of a replica: it refuses more connections, so that no replica would be added." $connections) }}
{{- end -}}
{{- if and (eq $scaling.kind "keda") (gt (int $scaling.liveStreams) 0) (not $scaling.keda.prometheusUrl) -}}
{{- fail "autoscaling.keda.prometheusUrl is needed where autoscaling.kind is keda, unless autoscaling.liveStreams is 0." }}
{{- end -}}
{{- end -}}
{{- if and .Values.tls.public.plaintext .Values.tls.public.secretName -}}
{{- fail "tls.public: plaintext is true, and secretName is set, or certificate enabled: keep one of them." }}
{{- end -}}
{{- if and .Values.tls.internal.clientCaKey (not .Values.tls.internal.secretName) -}}
{{- fail "tls.internal.secretName is needed where tls.internal.clientCaKey is set: the key is one of that Secret." }}
{{- end -}}
{{- if and .Values.monitoring.serviceMonitor.enabled .Values.monitoring.podMonitor.enabled -}}
{{- fail "monitoring: serviceMonitor and podMonitor are both enabled, and every sample would be there twice: keep one of them." }}
{{- end -}}
{{- range $listener := list "public" "internal" -}}
{{- with (index $.Values.tls $listener).certificate -}}
{{- if and .enabled (not .issuerRef.name) -}}
{{- fail (printf "tls.%s.certificate.issuerRef.name is needed: an Issuer or ClusterIssuer of cert-manager." $listener) }}
{{- end -}}
{{- if and .enabled (eq $listener "public") (not .dnsNames) -}}
{{- fail "tls.public.certificate.dnsNames is needed: the names that clients call." }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- include "portico.validateRoutes" . -}}
{{- $drain := default dict .Values.config.drain -}}
{{- $leastSeconds := add .Values.preStopSleepSeconds 10 | int -}}
{{- range $time := list (default "30s" $drain.spread) (default "10s" $drain.grace) -}}
{{- $unit := regexFind "[a-z]+$" $time -}}
{{- $seconds := mulf (regexFind "^[0-9.]+" $time | float64) (index (dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0) $unit) | ceil | int -}}
{{- $leastSeconds = add $leastSeconds $seconds | int -}}
{{- end -}}
{{- if lt (int .Values.terminationGracePeriodSeconds) $leastSeconds -}}
{{- fail (printf "terminationGracePeriodSeconds: at least %d (preStopSleepSeconds, config.drain.spread, config.drain.grace, 10 s to close), or the kubelet ends calls that are being finished." $leastSeconds) }}
{{- end -}}
{{- end }}

{{- define "portico.validateRoutes" -}}
{{- $plaintext := .Values.tls.public.plaintext -}}
{{- with .Values.routes -}}
{{- $routes := . -}}
{{- range $kind := list "tls" "grpc" "http" -}}
{{- with index $routes $kind -}}
{{- if and .enabled (not .parentRefs) -}}
{{- fail (printf "routes.%s.parentRefs is needed: the Gateways that the route is of, such as [{ name: public, namespace: gateways }]." $kind) }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .tls.enabled $plaintext -}}
{{- fail "routes.tls passes TLS through to the server, and tls.public.plaintext has it speak none: enable routes.http or routes.grpc instead." }}
{{- end -}}
{{- if and (or .grpc.enabled .http.enabled) (not $plaintext) (not .backendTls.enabled) -}}
{{- fail "routes.grpc and routes.http are for Gateways that end TLS: set tls.public.plaintext, or routes.backendTls, so that they reach the server." }}
{{- end -}}
{{- if and .backendTls.enabled $plaintext -}}
{{- fail "routes.backendTls: tls.public.plaintext is true, so there is no TLS to speak: keep one of them." }}
{{- end -}}
{{- if and .grpc.enabled .http.enabled -}}
{{- $both := false -}}
{{- if or (not .grpc.hostnames) (not .http.hostnames) }}{{ $both = true }}{{ end -}}
{{- range .grpc.hostnames }}{{ if has . $routes.http.hostnames }}{{ $both = true }}{{ end }}{{ end -}}
{{- if $both -}}
{{- fail "routes.grpc and routes.http have a hostname in common, and a Gateway takes only the older one of them: keep routes.http, which carries gRPC too, or give them hostnames of their own." }}
{{- end -}}
{{- end -}}
{{- if and .envoyGateway.enabled (not .grpc.enabled) (not .http.enabled) -}}
{{- fail "routes.envoyGateway sets the time-outs of routes.grpc and routes.http, and neither is enabled. A route of TLS needs none." }}
{{- end -}}
{{- end -}}
{{- if dig "public" "trustedProxies" nil .Values.config -}}
{{- if .Values.routes.gke.enabled -}}
{{- fail "config.public.trustedProxies: every connection must begin with a PROXY header, and Google's Gateways (routes.gke) send none: unset it." }}
{{- end -}}
{{- if and .Values.ingress.enabled (eq .Values.ingress.controller "nginx") -}}
{{- fail "config.public.trustedProxies: every connection must begin with a PROXY header of version 2, and the controller nginx of Ingress sends none: unset it." }}
{{- end -}}
{{- end -}}
{{- with .Values.ingress -}}
{{- if .enabled -}}
{{- if not .hosts }}{{ fail "ingress.hosts is needed: the names that clients call." }}{{ end -}}
{{- if and .passthrough $plaintext -}}
{{- fail "ingress.passthrough passes TLS through to the server, and tls.public.plaintext has it speak none: set ingress.passthrough to false." }}
{{- end -}}
{{- if and (not .passthrough) (not .tlsSecretName) -}}
{{- fail "ingress.tlsSecretName is needed where ingress.passthrough is false: HTTP/2 from clients needs TLS." }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The settings file: the values' config, and over it what the chart knows better. */}}
{{- define "portico.config" -}}
{{- include "portico.validate" . -}}
{{- $public := dict "port" 8443 -}}
{{- /* Without a host these two listen on loopback only. */ -}}
{{- $internal := dict "host" "::" "port" 8444 -}}
{{- if .Values.tls.public.plaintext -}}
{{- $_ := set $public "plaintext" true -}}
{{- $_ := required "tls.internal.secretName is needed where tls.public.plaintext is true: the internal listener always speaks TLS." .Values.tls.internal.secretName -}}
{{- else -}}
{{- $_ := required "tls.public.secretName is needed: a Secret of type kubernetes.io/tls; or tls.public.plaintext behind a proxy that ends TLS." .Values.tls.public.secretName -}}
{{- $_ := set $public "tls" (dict "certFile" "/etc/portico/tls/public/tls.crt" "keyFile" "/etc/portico/tls/public/tls.key") -}}
{{- end -}}
{{- if .Values.tls.internal.secretName -}}
{{- $tls := dict "certFile" "/etc/portico/tls/internal/tls.crt" "keyFile" "/etc/portico/tls/internal/tls.key" -}}
{{- if .Values.tls.internal.clientCaKey -}}
{{- $_ := set $tls "clientCaFile" (printf "/etc/portico/tls/internal/%s" .Values.tls.internal.clientCaKey) -}}
{{- end -}}
{{- $_ := set $internal "tls" $tls -}}
{{- end -}}
{{- $redis := dict -}}
{{- if .Values.secrets.redisUrl.name }}{{ $_ := set $redis "urlFile" "/etc/portico/secrets/redis-url" }}{{ end -}}
{{- if .Values.secrets.redisPassword.name }}{{ $_ := set $redis "passwordFile" "/etc/portico/secrets/redis-password" }}{{ end -}}
{{- if .Values.secrets.redisSentinelPassword.name }}{{ $_ := set $redis "sentinelPasswordFile" "/etc/portico/secrets/redis-sentinel-password" }}{{ end -}}
{{- $ours := dict
      "public" $public
      "internal" $internal
      "admin" (dict "host" "::" "port" 8445)
      "dataDir" "/tmp/portico"
      "sql" (dict "urlFile" "/etc/portico/secrets/database-url")
      "auth" (dict "keysDir" "/etc/portico/keys" "refreshKeyFile" "/etc/portico/secrets/refresh-key") -}}
{{- if $redis }}{{ $_ := set $ours "redis" $redis }}{{ end -}}
{{- if .Values.secrets.bucketKey.name }}{{ $_ := set $ours "media" (dict "bucket" (dict "secretAccessKeyFile" "/etc/portico/secrets/bucket-key")) }}{{ end -}}
{{- $push := dict -}}
{{- $apns := dig "push" "apns" "" .Values.config -}}
{{- if and .Values.secrets.apnsKey.name (not $apns) -}}
{{- fail "config.push.apns is needed where secrets.apnsKey.name is set: teamId, keyId and topics." }}
{{- end -}}
{{- if and $apns (not .Values.secrets.apnsKey.name) -}}
{{- fail "secrets.apnsKey.name is needed where config.push.apns is set: a Secret with the key that Apple gives." }}
{{- end -}}
{{- if and (dig "push" "fcm" "" .Values.config) (not .Values.secrets.fcmAccount.name) -}}
{{- fail "secrets.fcmAccount.name is needed where config.push.fcm is set: a Secret with the key file of a service account." }}
{{- end -}}
{{- if $apns }}{{ $_ := set $push "apns" (dict "keyFile" "/etc/portico/secrets/apns-key") }}{{ end -}}
{{- if .Values.secrets.fcmAccount.name }}{{ $_ := set $push "fcm" (dict "accountFile" "/etc/portico/secrets/fcm-account") }}{{ end -}}
{{- if $push }}{{ $_ := set $ours "push" $push }}{{ end -}}
{{- if .Values.test.enabled -}}
{{- $_ := set $ours "live" (dict "namespaces" (dict "portico-probe" (dict "listen" "owner" "history" 10 "historyAge" "1m"))) -}}
{{- end -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) $ours) }}
{{- end }}
