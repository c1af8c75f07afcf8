// The JSON-LD contexts that Fedify has on board, by URL, as one JSON object.
import { preloadedContexts } from "@fedify/vocab-runtime";
console.log(JSON.stringify(preloadedContexts));
