// A program on @kubernetes/client-node: typed calls, an informer that recovers, server-side apply, exec.
// Prints one JSON line of what it saw; its argument is the namespace that it works in.
import { PassThrough } from 'node:stream';
import * as k8s from '@kubernetes/client-node';

const namespace = process.argv[2];
const config = new k8s.KubeConfig();
config.loadFromFile(process.env.KUBECONFIG);
const core = config.makeApiClient(k8s.CoreV1Api);
const objects = k8s.KubernetesObjectApi.makeApiClient(config);
const seen = [];
let wake = () => {};

function note(kind, object) {
  seen.push(`${kind} ${object.metadata.name} ${object.data?.n ?? ''}`.trim());
  wake();
}

async function until(said) {
  while (!seen.includes(said)) await new Promise((resolve) => { wake = resolve; });
}

const list = () => core.listNamespacedConfigMap({ namespace, labelSelector: 'informed=yes' });
const path = `/api/v1/namespaces/${namespace}/configmaps`;
const informer = k8s.makeInformer(config, path, list, 'informed=yes');
informer.on('add', (object) => note('add', object));
informer.on('update', (object) => note('update', object));
informer.on('delete', (object) => note('delete', object));
informer.on('error', (error) => { if (error.name !== 'AbortError') throw error; });

const labels = { informed: 'yes' };
await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'before', labels }, data: { n: '0' } } });
await informer.start();
await until('add before 0');
await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'c', labels }, data: { n: '1' } } });
await until('add c 1');
const applied = await objects.patch(
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', namespace }, data: { n: '2' } },
  undefined, undefined, 'node-test', true, k8s.PatchStrategy.ServerSideApply,
);
await until('update c 2');
await core.deleteNamespacedConfigMap({ namespace, name: 'c' });
await until('delete c 2');
await informer.stop();

let refused;
try {
  await core.createNamespacedPod({ namespace, body: { metadata: { name: 'p' }, spec: { containers: [] } } });
} catch (error) {
  refused = { code: error.code, field: JSON.parse(error.body).details.causes[0].field };
}

const container = { name: 'c', image: 'example.org/app:1' };
await core.createNamespacedPod({ namespace, body: { metadata: { name: 'p' }, spec: { containers: [container] } } });
const watch = new k8s.Watch(config);
await new Promise((resolve, reject) => {
  const look = (_, pod) => { if (pod.status?.phase === 'Running') resolve(); };
  watch.watch(`/api/v1/namespaces/${namespace}/pods`, {}, look, reject).then((controller) => { wake = controller; }, reject);
});
const said = new PassThrough();
let words = '';
said.on('data', (data) => { words += data; });
const status = await new Promise((resolve, reject) => {
  new k8s.Exec(config).exec(namespace, 'p', 'c', ['echo', 'ahoy'], said, null, null, false, resolve).catch(reject);
});

const managers = applied.metadata.managedFields.map((entry) => `${entry.manager} ${entry.operation}`).sort();
console.log(JSON.stringify({ seen, managers, refused, words, status: status.status }));
process.exit(0);
