// What both configurations share: rules that decide over files of public/ before public/ is looked at.
export const rules = {
  poweredByHeader: false,
  redirects: async () => [{ source: '/moved.jpg', destination: '/photo.jpg', permanent: false }],
  rewrites: async () => ({
    beforeFiles: [{ source: '/swapped.jpg', destination: '/other.jpg' }],
    afterFiles: [{ source: '/aliased.jpg', destination: '/photo.jpg' }],
    fallback: [],
  }),
  headers: async () => [
    { source: '/labelled/:name*', headers: [{ key: 'Cache-Control', value: 'public, max-age=90000' }] },
  ],
};
