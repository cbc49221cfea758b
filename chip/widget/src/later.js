/**
 * What few visitors need is in files of their own, loaded when it is needed.
 */

/**
 * @param {string | null} server
 * @param {string} name  of the file
 * @returns {Promise<any>} its module; null where it cannot be had
 */
export async function later(server, name) {
  try {
    return await import(`${server}/wc/widget/${name}.js`);
  } catch {
    return null;
  }
}
