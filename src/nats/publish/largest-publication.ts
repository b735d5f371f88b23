/** The largest body that MNS delivers. */
const maxBodyBytes = 65_536;
/**
 * The longest form of a byte in what is published: a body that is no legal XML is kept as its XML text
 * (`&quot;`).
 */
const longestForm = 6;
/** Headers, and the attributes of the CloudEvent that do not come from the body. */
const aroundBytes = 16_384;

/** The most bytes that a message of MNS may need in NATS, as an event or as a dead letter. */
export const largestPublicationBytes = longestForm * maxBodyBytes + aroundBytes;
